/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way into the engine and the three ways out: it returns, it gives up (engine_abandon), it takes an exception.
 *
 * While the engine runs: SP_EL0 is its own stack, SP_EL3 points at this CPU's switch frame (so every exception handler
 * finds it), VBAR_EL3 is the table below, TTBR0_EL3 shows one window and no other secret, alignment checks are off, and
 * Q0-Q31, FPCR and FPSR start as zero.
 */
#include <arch.h>
#include <asm_macros.S>

#include "glue.h"

	.global	engine_switch
	.global	engine_abandon

	/* Loads and stores all of Q0-Q31 at FRAME_Q of the frame in x0. Clobbers x1. */
	.macro	each_q_pair operation
	add	x1, x0, #FRAME_Q
	\operation	q0, q1, [x1], #32
	\operation	q2, q3, [x1], #32
	\operation	q4, q5, [x1], #32
	\operation	q6, q7, [x1], #32
	\operation	q8, q9, [x1], #32
	\operation	q10, q11, [x1], #32
	\operation	q12, q13, [x1], #32
	\operation	q14, q15, [x1], #32
	\operation	q16, q17, [x1], #32
	\operation	q18, q19, [x1], #32
	\operation	q20, q21, [x1], #32
	\operation	q22, q23, [x1], #32
	\operation	q24, q25, [x1], #32
	\operation	q26, q27, [x1], #32
	\operation	q28, q29, [x1], #32
	\operation	q30, q31, [x1], #32
	.endm

	/*
	 * This CPU now uses the table in \ttbr. EL3 has no ASID, so what its TLB holds must go (Arm DDI 0487, D8.16). Local:
	 * no other CPU uses this table.
	 */
	.macro	use_table ttbr
	msr	ttbr0_el3, \ttbr
	isb
	tlbi	alle3
	dsb	nsh
	isb
	.endm

/*
 * uint32_t engine_switch(struct switch_frame *frame, uint64_t entry, uint64_t mailbox, uint64_t stack_top,
 *			  uint64_t ttbr0)
 *
 * Returns what the engine returned, or ENGINE_FATAL. frame->faulted says whether that was an exception.
 */
func engine_switch
	stp	x19, x20, [x0, #FRAME_CALLEE_SAVED + 0x00]
	stp	x21, x22, [x0, #FRAME_CALLEE_SAVED + 0x10]
	stp	x23, x24, [x0, #FRAME_CALLEE_SAVED + 0x20]
	stp	x25, x26, [x0, #FRAME_CALLEE_SAVED + 0x30]
	stp	x27, x28, [x0, #FRAME_CALLEE_SAVED + 0x40]
	stp	x29, x30, [x0, #FRAME_CALLEE_SAVED + 0x50]
	str	xzr, [x0, #FRAME_FAULTED]
	mov	x19, x0
	mov	x20, x1
	mov	x21, x2
	mov	x22, x3
	mov	x23, x4

	/* BL31 itself uses no FP registers, so they are the normal world's; CPTR_EL3.TFP keeps it from doing so. */
	mrs	x5, cptr_el3
	str	x5, [x0, #FRAME_CPTR]
	bic	x5, x5, #TFP_BIT
	msr	cptr_el3, x5
	isb
	each_q_pair stp
	mrs	x5, fpcr
	mrs	x6, fpsr
	str	x5, [x0, #FRAME_FPCR]
	str	x6, [x0, #FRAME_FPSR]
	msr	fpcr, xzr
	msr	fpsr, xzr
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movi	v\n\().2d, #0
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	movi	v\n\().2d, #0
	.endr

	/* BL31 runs C on SP_EL0 and keeps SP_EL3 for exceptions; here the frame takes SP_EL3's place. */
	mov	x5, sp
	str	x5, [x0, #FRAME_SP_EL0]
	msr	spsel, #MODE_SP_ELX
	mov	x5, sp
	str	x5, [x0, #FRAME_SP_EL3]
	mov	sp, x0
	msr	spsel, #MODE_SP_EL0

	mrs	x5, daif
	str	x5, [x0, #FRAME_DAIF]
	mrs	x5, vbar_el3
	str	x5, [x0, #FRAME_VBAR]
	adr	x5, engine_vectors
	msr	vbar_el3, x5
	mrs	x5, sctlr_el3
	str	x5, [x0, #FRAME_SCTLR]
	bic	x5, x5, #SCTLR_A_BIT /* libraries make unaligned accesses */
	msr	sctlr_el3, x5
	mrs	x5, ttbr0_el3
	str	x5, [x0, #FRAME_TTBR0]
	use_table x23

	mov	sp, x22
	mrs	x5, cntpct_el0
	str	x5, [x19, #FRAME_STARTED]
	mov	x0, x21
	mov	x29, xzr /* the end of the chain of frame records, for whoever unwinds */
	blr	x20
	msr	spsel, #MODE_SP_ELX
	b	leave
endfunc engine_switch

/* void engine_abandon(void): from anywhere in an engine call, ends it with ENGINE_FATAL. Does not return. */
func engine_abandon
	msr	spsel, #MODE_SP_ELX
	mov	w0, #ENGINE_STATUS_FATAL
	b	leave
endfunc engine_abandon

/* In: w0 = status, SP_EL3 selected and pointing at the frame. Returns to the caller of engine_switch. */
func leave
	mov	w9, w0
	mov	x0, sp
	mrs	x5, cntpct_el0
	str	x5, [x0, #FRAME_ENDED]

	ldr	x5, [x0, #FRAME_TTBR0]
	use_table x5
	ldr	x5, [x0, #FRAME_SCTLR]
	msr	sctlr_el3, x5
	ldr	x5, [x0, #FRAME_VBAR]
	msr	vbar_el3, x5
	isb

	ldr	x5, [x0, #FRAME_SP_EL3]
	mov	sp, x5
	msr	spsel, #MODE_SP_EL0
	ldr	x5, [x0, #FRAME_SP_EL0]
	mov	sp, x5
	ldr	x5, [x0, #FRAME_DAIF]
	msr	daif, x5

	each_q_pair ldp
	ldr	x5, [x0, #FRAME_FPCR]
	ldr	x6, [x0, #FRAME_FPSR]
	msr	fpcr, x5
	msr	fpsr, x6
	ldr	x5, [x0, #FRAME_CPTR]
	msr	cptr_el3, x5
	isb

	ldp	x19, x20, [x0, #FRAME_CALLEE_SAVED + 0x00]
	ldp	x21, x22, [x0, #FRAME_CALLEE_SAVED + 0x10]
	ldp	x23, x24, [x0, #FRAME_CALLEE_SAVED + 0x20]
	ldp	x25, x26, [x0, #FRAME_CALLEE_SAVED + 0x30]
	ldp	x27, x28, [x0, #FRAME_CALLEE_SAVED + 0x40]
	ldp	x29, x30, [x0, #FRAME_CALLEE_SAVED + 0x50]
	mov	w0, w9
	ret
endfunc leave

/* An exception in the engine: SP is the frame. The engine's registers are of no more use. */
func engine_fault
	mov	x0, sp
	mov	x1, #1
	str	x1, [x0, #FRAME_FAULTED]
	mrs	x1, esr_el3
	str	x1, [x0, #FRAME_ESR]
	mrs	x1, elr_el3
	str	x1, [x0, #FRAME_ELR]
	mrs	x1, far_el3
	str	x1, [x0, #FRAME_FAR]
	mov	w0, #ENGINE_STATUS_FATAL
	b	leave
endfunc engine_fault

/* Arm DDI 0487, D1.3.1.5: 16 vectors of 128 bytes. All lead to the same end. */
vector_base engine_vectors
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
vector_entry engine_vector_\n
	b	engine_fault
end_vector_entry engine_vector_\n
	.endr
