/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the glue to TF-A need from each other; translate.S includes it, too.
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

/* Builds the translation tables of all windows. Once. */
void tables_build(const struct engine_header *engine);

/* Returns the value of TTBR0_EL1 under which the engine sees window `window`. */
uint64_t tables_root(unsigned int window);

/* Prepares running the engine, of which tables_build has the tables. Once, on the CPU that boots. */
void sandbox_init(const struct engine_header *header);

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

#define PAR_F_BIT 1 /* Arm DDI 0487, PAR_EL1: the translation failed */

#endif
