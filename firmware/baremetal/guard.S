/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arms a guard (guard.h). The other half, the jump back to it, is return_to_guard of vectors.inc: the two share the
 * layout of struct guard.
 */
	.section .text.guard_enter, "ax"
	.global guard_enter
/* In: x0 -> struct guard. Saves what AAPCS64 lets a caller rely on: x19-x30 and SP. Returns 0. Clobbers x1. */
guard_enter:
	stp	x19, x20, [x0]
	stp	x21, x22, [x0, #16]
	stp	x23, x24, [x0, #32]
	stp	x25, x26, [x0, #48]
	stp	x27, x28, [x0, #64]
	stp	x29, x30, [x0, #80]
	mov	x1, sp
	str	x1, [x0, #96]
	mov	x0, #0
	ret
