/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Assembly macros for the vector tables of both levels.
 */
#ifndef VECTORS_H
#define VECTORS_H

/* Offsets in struct guard; guard.h asserts them. */
#define GUARD_CLASS 104
#define GUARD_ELR 120

/* As in agent_abi.h. */
#define FAULT_SYNCHRONOUS 1
#define FAULT_SERROR 2

/* PSTATE after a fault: debug, IRQ and FIQ masked, SError not; SP_ELx. Arm ARM C5.2.19 (SPSR_ELx). */
#define SPSR_EL1H 0x2c5
#define SPSR_EL2H 0x2c9

	.macro vector_entry
	.balign 0x80
	.endm

/*
 * One vector: an exception taken from the current level. Expects TPIDR_ELx -> struct cpu_local; goes to
 * `returns_to_guard` with what happened in x0-x3 and the guard in x9, or to fault_unguarded(class, esr, elr, far).
 */
	.macro take_fault el, class
	vector_entry
	mov	x0, #\class
	mrs	x1, esr_\el
	mrs	x2, elr_\el
	mrs	x3, far_\el
	mrs	x9, tpidr_\el
	ldr	x9, [x9]
	cbnz	x9, return_to_guard
	b	fault_unguarded
	.endm

/* Returns 1 from the guard_enter() that armed the guard x9. Nothing of the interrupted context is kept. */
	.macro define_return_to_guard el, spsr
return_to_guard:
	stp	x0, x1, [x9, #GUARD_CLASS]
	stp	x2, x3, [x9, #GUARD_ELR]
	ldp	x19, x20, [x9]
	ldp	x21, x22, [x9, #16]
	ldp	x23, x24, [x9, #32]
	ldp	x25, x26, [x9, #48]
	ldp	x27, x28, [x9, #64]
	ldp	x29, x30, [x9, #80]
	ldr	x4, [x9, #96]
	mov	sp, x4
	mov	x5, #\spsr
	msr	spsr_\el, x5
	msr	elr_\el, x30
	mov	x0, #1
	eret
	.endm

#endif
