/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the glue to TF-A need from each other; engine_switch.S and translate.S include it, too.
 */
#ifndef VTPM_GLUE_H
#define VTPM_GLUE_H

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine_abi.h"

/*
 * Checks and maps the engine, builds its translation tables, and initialises the core. Returns NULL, or why the service
 * stays off. Once, on the CPU that boots.
 */
const char *glue_engine_map(void);

/* Builds the translation tables that CPUs use while they run the engine. Once, after everything of BL31 is mapped. */
void tables_build(const struct engine_header *engine);

/*
 * Prepares this CPU's engine tables for a window. Returns the value of TTBR0_EL3 under which it sees that window at
 * ENGINE_WINDOW_VA, and no other memory of the secure pool.
 */
uint64_t tables_select(unsigned int window);

/* translate.S: PAR_EL1 after translating `va` as EL1 would; only PAR_F_BIT if the walk met an external abort. */
uint64_t translate_el1(uint64_t va, bool write);

/*
 * Opens the device tree for the operating system, with room to grow, or returns NULL; closes it after the last change.
 */
void *glue_devicetree_open(void);
void glue_devicetree_close(void *tree);

/* Announces the service in the tree. Returns NULL, or what failed. */
const char *glue_devicetree_announce(void *tree);

/* Chooses the source of entropy, which may be a seed in the tree. */
void glue_entropy_start(void *tree);

/* Returns the name of the source, for the banner. */
const char *glue_entropy_name(void);

#endif

/* Offsets in struct switch_frame. engine.c has the struct, and asserts that the two agree. */
#define FRAME_CALLEE_SAVED 0x000 /* x19-x30 */
#define FRAME_SP_EL0 0x060
#define FRAME_SP_EL3 0x068
#define FRAME_VBAR 0x070
#define FRAME_SCTLR 0x078
#define FRAME_TTBR0 0x080
#define FRAME_CPTR 0x088
#define FRAME_DAIF 0x090
#define FRAME_FPCR 0x098
#define FRAME_FPSR 0x0a0
#define FRAME_FAULTED 0x0a8
#define FRAME_ESR 0x0b0
#define FRAME_ELR 0x0b8
#define FRAME_FAR 0x0c0
#define FRAME_STARTED 0x0c8
#define FRAME_ENDED 0x0d0
#define FRAME_Q 0x0e0 /* Q0-Q31 */
#define FRAME_BYTES 0x2e0

#define PAR_F_BIT 1 /* Arm DDI 0487, PAR_EL1: the translation failed */

#define ENGINE_STATUS_FATAL 4 /* ENGINE_FATAL, for the assembler */

#endif
