/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EL2's vector table (Arm ARM, "Exception vectors": 16 entries of 128 bytes). Exceptions of the monitor itself return to a
 * guard; those of a guest make vcpu_enter() return.
 */
#include "vectors.inc"

#define CPU_LOCAL_VCPU 8
#define VCPU_PC 248
#define VCPU_PSTATE 256

/* What vcpu_enter() returns: enum vcpu_exit. */
#define EXIT_SYNCHRONOUS 0
#define EXIT_INTERRUPT 1
#define EXIT_SERROR 2

/* The guest has all registers, so two go to EL2's stack, where vcpu_enter() has left it. */
	.macro leave_guest exit
	vector_entry
	stp	x0, x1, [sp, #-16]!
	mov	w1, #\exit
	b	leave_guest_common
	.endm

	.macro unexpected
	vector_entry
	b	.
	.endm

	/* An interrupt of EL2 itself: a program has unmasked them. When it came is read first. */
	.macro interrupted
	vector_entry
	stp	x0, x1, [sp, #-160]!
	mrs	x0, cntpct_el0
	b	interrupted_common
	.endm

	.section .text.vectors, "ax"
	.balign	0x800
	.global monitor_vectors
monitor_vectors:
	/* Current level with SP_EL0: the monitor never selects it, but a program may. */
	take_fault el2, FAULT_SYNCHRONOUS
	unexpected
	unexpected
	take_fault el2, FAULT_SERROR
	/* Current level with SP_EL2. The monitor itself keeps IRQ and FIQ masked. */
	take_fault el2, FAULT_SYNCHRONOUS
	interrupted
	unexpected
	take_fault el2, FAULT_SERROR
	/* Lower level, AArch64. FIQ counts as an interrupt: the group of an interrupt decides which of the two it is. */
	leave_guest EXIT_SYNCHRONOUS
	leave_guest EXIT_INTERRUPT
	leave_guest EXIT_INTERRUPT
	leave_guest EXIT_SERROR
	/* Lower level, AArch32: guests are AArch64 (HCR_EL2.RW). */
	unexpected
	unexpected
	unexpected
	unexpected

	define_return_to_guard el2, SPSR_EL2H

/*
 * int vcpu_enter(struct vcpu *vcpu): runs the guest until its next exception to EL2. Expects TPIDR_EL2 -> cpu_local
 * with the same vCPU, and the guest's EL1 and FP registers in place. Keeps x19-x30.
 */
	.global vcpu_enter
vcpu_enter:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	ldp	x1, x2, [x0, #VCPU_PC]
	msr	elr_el2, x1
	msr	spsr_el2, x2
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	eret

/* w1 = enum vcpu_exit; the guest's x0 and x1 on the stack, everything else of the guest in its registers. */
leave_guest_common:
	mrs	x0, tpidr_el2
	ldr	x0, [x0, #CPU_LOCAL_VCPU]
	stp	x2, x3, [x0, #16]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	str	x30, [x0, #240]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [x0, #VCPU_PC]
	mov	w0, w1
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret

/* x0 = the counter; x0 and x1 of what was interrupted are on the stack. What a C function keeps stays where it is. */
interrupted_common:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x30, [sp, #144]
	bl	cpu_interrupted
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x30, [sp, #144]
	ldp	x0, x1, [sp], #160
	eret

	.section .rodata.guest_image, "a"
	.balign	16
	.global guest_image, guest_image_bytes
guest_image:
	.incbin GUEST_BIN
1:	.balign	8
guest_image_bytes:
	.quad	1b - guest_image
