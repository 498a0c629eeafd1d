/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sandbox: the engine at S-EL0, the shim at S-EL1, and the way between them and EL3. For sandbox.c, tables.c and
 * the assembly.
 */
#ifndef VTPM_SANDBOX_H
#define VTPM_SANDBOX_H

#include "engine_abi.h"

/* The shim is seen at the end of the window's 2 MiB, so that it needs no table of its own. */
#define SHIM_BYTES 0x1000
#define SHIM_VA (ENGINE_WINDOW_VA + 0x200000 - SHIM_BYTES)

/* Arm DDI 0487, D1.3.1.5: the vector for synchronous exceptions from a lower level in AArch64, which is S-EL0 here. */
#define SHIM_SYNCHRONOUS 8

/* How the engine was stopped: the vector of EL3, of the four for a lower level in AArch64. */
#define STOPPED_SYNCHRONOUS 0
#define STOPPED_IRQ 1
#define STOPPED_FIQ 2
#define STOPPED_SERROR 3

/*
 * Offsets in struct sandbox_frame, of which each call has one. sandbox_frame.h has the struct, and asserts that the two
 * agree.
 */
#define FRAME_X 0x000 /* x0-x30 of the engine */
#define FRAME_SP 0x0f8
#define FRAME_PC 0x100
#define FRAME_PSTATE 0x108
#define FRAME_STOPPED 0x110
#define FRAME_ESR 0x118
#define FRAME_SERROR 0x120
#define FRAME_STARTED 0x128
#define FRAME_ENDED 0x130
#define FRAME_VECTORS 0x138
#define FRAME_EL3 0x140 /* x19-x30, SP_EL0, SP_EL3, VBAR_EL3, DAIF of the service */
#define FRAME_EL3_SP0 0x1a0
#define FRAME_EL3_SPX 0x1a8
#define FRAME_EL3_VBAR 0x1b0
#define FRAME_EL3_DAIF 0x1b8
#define FRAME_CALLER 0x1c0 /* system registers of the caller, in the order of sandbox_switch.S */
#define FRAME_CALLER_REGISTERS 20
#define FRAME_Q 0x260      /* Q0-Q31 of the caller */
#define FRAME_KEPT 0x460   /* system registers of the engine, while its call is parked */
#define FRAME_KEPT_Q 0x4a0 /* its Q0-Q31 */
#define FRAME_BYTES 0x6a0

#ifndef __ASSEMBLER__
#include <stdint.h>

struct sandbox_frame;

/* The values with which the engine runs, the same for all windows but for TTBR0. */
struct sandbox_regime {
	uint64_t tcr;
	uint64_t mair;
};

/* shim.S */
extern const uint8_t sandbox_shim[SHIM_BYTES];

/*
 * Vectors of EL3 for while the engine runs. The second and third also do to branch predictors what TF-A's own vectors
 * do on processors that need it.
 */
extern const uint8_t sandbox_vectors[];
extern const uint8_t sandbox_vectors_mmu[];
extern const uint8_t sandbox_vectors_bhb[];

/*
 * SCR_EL3 is made from nothing, not from the caller's: what a newer processor has there for its new registers stays
 * off, and those of the caller are out of reach. RES1 (bits 5:4). RW: AArch64 below. EA: SError comes to EL3. SIF: code
 * is fetched from secure memory only. NS is 0.
 */
#define ENGINE_SCR (SCR_RES1_BITS | SCR_RW_BIT | SCR_EA_BIT | SCR_SIF_BIT)

/* Puts the caller's registers away, and installs the engine's translation regime, and `scr` in SCR_EL3. */
void sandbox_enter(struct sandbox_frame *frame, uint64_t ttbr0, const struct sandbox_regime *regime, uint64_t scr);

/* Right behind it: zeroes x0-x30 of the engine. BL31's memset goes word by word. */
void sandbox_clear(struct sandbox_frame *frame);

/* Keeps what of the engine is still in registers, and puts it back. Between sandbox_enter and sandbox_leave. */
void sandbox_keep(struct sandbox_frame *frame);
void sandbox_take_up(struct sandbox_frame *frame);

/* Continues the engine where its registers in the frame say. Returns when it has been stopped by an exception. */
void sandbox_run(struct sandbox_frame *frame);

/* Undoes sandbox_enter. */
void sandbox_leave(struct sandbox_frame *frame);
#endif

#endif
