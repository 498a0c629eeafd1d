/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memcpy, memmove and memset, which are the inner loops of every TPM command. Normal memory, unaligned accesses
 * allowed (the service clears SCTLR_EL3.A while the engine runs). They use only registers that AAPCS64 lets a
 * callee change, and return their first argument.
 *
 * Short blocks are covered by two overlapping accesses, one from each end; all loads of an end come before its
 * stores, so that overlap of source and destination is harmless there.
 */

	.macro function name
	.section .text.\name, "ax", %progbits
	.global \name
	.type \name, %function
	.balign 16
\name:
	.endm

/* x0 to, x1 from, x2 bytes. In the forward loop the source may overlap the destination from above only. */
function memcpy
	cmp	x2, #64
	b.hi	copy_long
copy_short:
	add	x3, x1, x2
	add	x4, x0, x2
	cmp	x2, #32
	b.hs	1f
	cmp	x2, #16
	b.hs	2f
	tbnz	x2, #3, 3f
	tbnz	x2, #2, 4f
	cbz	x2, 5f
	/* 1 to 3 bytes: first, middle, last. */
	lsr	x5, x2, #1
	ldrb	w6, [x1]
	ldrb	w7, [x1, x5]
	ldrb	w8, [x3, #-1]
	strb	w6, [x0]
	strb	w7, [x0, x5]
	strb	w8, [x4, #-1]
5:	ret
1:	/* 32 to 64 */
	ldp	q0, q1, [x1]
	ldp	q2, q3, [x3, #-32]
	stp	q0, q1, [x0]
	stp	q2, q3, [x4, #-32]
	ret
2:	/* 16 to 31 */
	ldr	q0, [x1]
	ldr	q1, [x3, #-16]
	str	q0, [x0]
	str	q1, [x4, #-16]
	ret
3:	/* 8 to 15 */
	ldr	x6, [x1]
	ldr	x7, [x3, #-8]
	str	x6, [x0]
	str	x7, [x4, #-8]
	ret
4:	/* 4 to 7 */
	ldr	w6, [x1]
	ldr	w7, [x3, #-4]
	str	w6, [x0]
	str	w7, [x4, #-4]
	ret

/* More than 64 bytes. The last 64 are read first, so that the forward loop cannot spoil them. */
copy_long:
	add	x3, x1, x2
	add	x4, x0, x2
	ldp	q4, q5, [x3, #-64]
	ldp	q6, q7, [x3, #-32]
	mov	x5, x0
	sub	x6, x2, #64
1:	ldp	q0, q1, [x1], #32
	ldp	q2, q3, [x1], #32
	stp	q0, q1, [x5], #32
	stp	q2, q3, [x5], #32
	subs	x6, x6, #64
	b.hi	1b
	stp	q4, q5, [x4, #-64]
	stp	q6, q7, [x4, #-32]
	ret
	.size memcpy, . - memcpy

function memmove
	cmp	x2, #64
	b.ls	copy_short
	/* Backwards only if the destination starts inside the source. */
	sub	x3, x0, x1
	cmp	x3, x2
	b.hs	copy_long
	cbz	x3, 2f
	add	x3, x1, x2
	add	x4, x0, x2
	ldp	q4, q5, [x1]
	ldp	q6, q7, [x1, #32]
	sub	x6, x2, #64
1:	ldp	q0, q1, [x3, #-32]!
	ldp	q2, q3, [x3, #-32]!
	stp	q0, q1, [x4, #-32]!
	stp	q2, q3, [x4, #-32]!
	subs	x6, x6, #64
	b.hi	1b
	stp	q4, q5, [x0]
	stp	q6, q7, [x0, #32]
2:	ret
	.size memmove, . - memmove

/* x0 to, w1 value, x2 bytes. */
function memset
	dup	v0.16b, w1
	add	x4, x0, x2
	cmp	x2, #64
	b.hi	5f
	cmp	x2, #32
	b.hs	1f
	cmp	x2, #16
	b.hs	2f
	tbnz	x2, #3, 3f
	tbnz	x2, #2, 4f
	cbz	x2, 7f
	lsr	x5, x2, #1
	strb	w1, [x0]
	strb	w1, [x0, x5]
	strb	w1, [x4, #-1]
	ret
1:	stp	q0, q0, [x0]
	stp	q0, q0, [x4, #-32]
	ret
2:	str	q0, [x0]
	str	q0, [x4, #-16]
	ret
3:	str	d0, [x0]
	str	d0, [x4, #-8]
	ret
4:	str	s0, [x0]
	str	s0, [x4, #-4]
	ret
5:	mov	x5, x0
	sub	x6, x2, #64
6:	stp	q0, q0, [x5], #32
	stp	q0, q0, [x5], #32
	subs	x6, x6, #64
	b.hi	6b
	stp	q0, q0, [x4, #-64]
	stp	q0, q0, [x4, #-32]
7:	ret
	.size memset, . - memset

	.section .note.GNU-stack, "", %progbits
