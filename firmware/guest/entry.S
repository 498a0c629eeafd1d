/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a vCPU of the guest agent starts, and its exception vectors.
 *
 * In: EL1, MMU off, x0 -> this vCPU's block, x1 = its number, x2 = bytes of RAM. These go on to guest_main as they are.
 */
#include "vectors.inc"

#define BLOCK_STACK_TOP 0x10000 /* GUEST_BLOCK_STACK_TOP of agent_abi.h */

	.section .text.entry, "ax"
	.global guest_entry
guest_entry:
	add	x3, x0, #BLOCK_STACK_TOP
	mov	sp, x3
	bl	guest_main
	b	.

	.macro unexpected
	vector_entry
	b	.
	.endm

	.section .text.vectors, "ax"
	.balign	0x800
	.global guest_vectors
guest_vectors:
	.rept 4
	unexpected
	.endr
	take_fault el1, FAULT_SYNCHRONOUS
	unexpected
	unexpected
	take_fault el1, FAULT_SERROR
	.rept 8
	unexpected
	.endr

	define_return_to_guard el1, SPSR_EL1H

/* Without a guard the guest can only wait to be stopped: the monitor does that at the request's deadline. */
fault_unguarded:
	b	.
