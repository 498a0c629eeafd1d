/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Storing and loading SVE and SME state (vectors.h).
 */
#include <arch.h>
#include <asm_macros.S>

#include "vectors.h"

#if ENABLE_SVE_FOR_NS
	.arch_extension sve

	.global	vectors_save
	.global	vectors_load

/* Arm DDI 0487, SVCR, by number for assemblers without SME: SM in bit 0, ZA in bit 1. */
#define SVCR S3_3_C4_C2_2
#define SVCR_SM 0

	/* Opens SVE and SME at EL3, as far as the processor has them. x9 keeps CPTR_EL3 for close_vectors. Clobbers x10. */
	.macro	open_vectors
	mrs	x9, cptr_el3
	orr	x10, x9, #CPTR_EZ_BIT
	bic	x10, x10, #TFP_BIT
	ldr	x11, [x0, #VECTORS_HAS]
	tbz	x11, #VECTORS_SME, 1f
	orr	x10, x10, #ESM_BIT
1:	msr	cptr_el3, x10
	isb
	.endm

	.macro	close_vectors
	msr	cptr_el3, x9
	isb
	.endm

	/* Offsets are multiples of the length of a vector or predicate, whatever it is. Clobbers x10. */
	.macro	each_vector operation
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\operation	z\n, [x0, #\n, mul vl]
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\operation	z\n, [x0, #\n, mul vl]
	.endr
	.endm

	.macro	each_predicate operation
	add	x10, x0, #VECTORS_P
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\operation	p\n, [x10, #\n, mul vl]
	.endr
	.endm

	/* Goes to \label if there is no FFR: in streaming mode, unless the processor has FA64. x12 is SVCR, x11 what it has. */
	.macro	skip_without_ffr label
	tbz	x12, #SVCR_SM, 2f
	tbz	x11, #VECTORS_FA64, \label
2:
	.endm

/*
 * void vectors_save(struct vector_state *state)
 *
 * All but `has` is written. Streaming mode is off afterwards, and vectors and predicates are zero.
 */
func vectors_save
	open_vectors
	mov	x12, xzr
	tbz	x11, #VECTORS_SME, 3f
	mrs	x12, SVCR
3:	str	x12, [x0, #VECTORS_SVCR]
	mrs	x13, fpcr
	mrs	x14, fpsr
	mov	x10, #VECTORS_FPCR
	add	x10, x0, x10
	stp	x13, x14, [x10]
	each_vector str
	each_predicate str
	skip_without_ffr 4f
	rdffr	p0.b
	mov	x10, #VECTORS_FFR
	add	x10, x0, x10
	str	p0, [x10]
4:	tbz	x12, #SVCR_SM, 5f
	bic	x12, x12, #(1 << SVCR_SM)
	msr	SVCR, x12
5:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movi	v\n\().2d, #0
	pfalse	p\n\().b
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	movi	v\n\().2d, #0
	.endr
	close_vectors
	ret
endfunc vectors_save

/* void vectors_load(struct vector_state *state) */
func vectors_load
	open_vectors
	ldr	x12, [x0, #VECTORS_SVCR]
	tbz	x12, #SVCR_SM, 3f
	msr	SVCR, x12 /* zeroes vectors and predicates, and changes FPSR */
3:	skip_without_ffr 4f
	mov	x10, #VECTORS_FFR
	add	x10, x0, x10
	ldr	p0, [x10]
	wrffr	p0.b
4:	each_predicate ldr
	each_vector ldr
	mov	x10, #VECTORS_FPCR
	add	x10, x0, x10
	ldp	x13, x14, [x10]
	msr	fpcr, x13
	msr	fpsr, x14
	close_vectors
	ret
endfunc vectors_load

#endif
