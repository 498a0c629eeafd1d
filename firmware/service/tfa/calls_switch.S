/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From one stack of EL3 to another. What is not kept here, AAPCS64 lets a function change.
 */
#include <asm_macros.S>

	.global	calls_switch
	.global	calls_begin

/*
 * void calls_switch(uint64_t *leave, uint64_t enter)
 *
 * Keeps this stack's place in *leave, and goes on where the stack pointer `enter` was kept.
 */
func calls_switch
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	mov	x2, sp
	str	x2, [x0]
	mov	sp, x1
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret
endfunc calls_switch

/* Where a new stack begins: x19 is its struct call. */
func calls_begin
	mov	x0, x19
	b	calls_body
endfunc calls_begin
