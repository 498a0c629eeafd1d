/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The caller's SVE and SME state, on processors that have any. For sandbox.c and vectors_switch.S.
 *
 * SMCCC (DEN0028, "SVE, SME and their state") has a caller find this state unchanged, unless it gives it up with the
 * hint bit of the function identifier. The service preserves it either way, for the hint saves no more than the stores.
 */
#ifndef VTPM_VECTORS_H
#define VTPM_VECTORS_H

/* Arm DDI 0487, A1.4: a vector has at most 2048 bits; a predicate has a bit for each byte of it. */
#define VECTOR_BYTES 256
#define PREDICATE_BYTES 32
#define VECTOR_COUNT 32
#define PREDICATE_COUNT 16

/* Offsets in struct vector_state. vectors.c has the struct, and asserts that the two agree. */
#define VECTORS_Z 0
#define VECTORS_P (VECTORS_Z + VECTOR_COUNT * VECTOR_BYTES)
#define VECTORS_FFR (VECTORS_P + PREDICATE_COUNT * PREDICATE_BYTES)
#define VECTORS_FPCR (VECTORS_FFR + PREDICATE_BYTES)
#define VECTORS_FPSR (VECTORS_FPCR + 8)
#define VECTORS_SVCR (VECTORS_FPSR + 8)
#define VECTORS_HAS (VECTORS_SVCR + 8)
#define VECTORS_STATE_BYTES (VECTORS_HAS + 8)

/* What the processor has: SME, and the whole of A64 in streaming mode. Numbers of bits. */
#define VECTORS_SME 0
#define VECTORS_FA64 1

#ifndef __ASSEMBLER__
#include <stdint.h>

/*
 * Puts away the caller's vectors, predicates, FFR and mode before the engine runs in `window`, and leaves streaming
 * mode, where the engine's instructions do not exist. One caller at a time waits for a window, so each has room for
 * one.
 */
void vectors_put_away(unsigned int window);

/* Gives them back, when sandbox_leave has undone everything else. */
void vectors_give_back(unsigned int window);
#endif

#endif
