/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way into the engine at S-EL0, and the way out of it.
 *
 *   sandbox_enter   once per run: the caller's registers are put away, the engine's regime is installed
 *   sandbox_run     ERET to S-EL0; returns when the engine has been stopped by an exception, of whichever kind
 *   sandbox_leave   once per run: the caller's registers are back
 *
 * What belongs to the normal world and is not in the list below is either out of reach of S-EL0 and of the shim, which
 * changes no register, or is kept by TF-A in the caller's context: x0-x30, SP_EL0, PMCR_EL0, SPSR_EL3, ELR_EL3 (and
 * with ERRATA_SPECULATIVE_AT its SCTLR_EL1 and TCR_EL1). Registers of EL2 stay as they are: SCR_EL3.EEL2 is 0, so EL2 is
 * off in Secure state, and its traps, its stage 2 and HCR_EL2.{E2H,TGE} mean nothing there (Arm DDI 0487, SCR_EL3).
 *
 * Out of reach: SP_EL1, TPIDR_EL1, TTBR1_EL1 (TCR_EL1.EPD1 is set), AMAIR_EL1, ACTLR_EL1, AFSR0/1_EL1, CSSELR_EL1 and
 * PAR_EL1 are of EL1, where only SMC is executed. Keys of pointer authentication are not used: SCTLR_EL1.EnIA and its
 * like are 0, and PACGA traps by SCR_EL3.APK. Debug events of the normal world do not apply in
 * Secure state, by MDCR_EL3.SDD, and counters stop there, by MDCR_EL3.SPME; TF-A sets both. SVE and SME trap, and vectors.h has the
 * caller's.
 */
#include <arch.h>
#include <asm_macros.S>

#include "sandbox.h"

	.global	sandbox_clear
	.global	sandbox_enter
	.global	sandbox_run
	.global	sandbox_leave
	.global	sandbox_keep
	.global	sandbox_take_up
	.global	sandbox_vectors
	.global	sandbox_vectors_mmu
	.global	sandbox_vectors_bhb

/* FP and SIMD are open; SVE, SME, trace and activity monitors trap, and so does CPACR_EL1. */
#define ENGINE_CPTR (TCPAC_BIT | TAM_BIT | TTA_BIT)

/*
 * Arm DDI 0487, SCTLR_EL1: bits 29, 28, 23 (SPAN), 22 (EIS), 20 (TSCXT) and 11 (EOS) are RES1 or safe as 1; M, C, I: MMU
 * and caches; SA, SA0: stacks are aligned; WXN. What is 0: A, for libraries make unaligned accesses; UCI, UCT, DZE, UMA,
 * nTWI, nTWE, so that cache maintenance, DAIF and WFI trap; EnIA, EnIB, EnDA, EnDB.
 */
#define ENGINE_SCTLR                                                                                                   \
	((1 << 29) | (1 << 28) | SCTLR_SPAN_BIT | SCTLR_EIS_BIT | SCTLR_TSCXT_BIT | SCTLR_EOS_BIT | SCTLR_M_BIT |      \
	 SCTLR_C_BIT | SCTLR_I_BIT | SCTLR_SA_BIT | SCTLR_SA0_BIT | SCTLR_WXN_BIT)

#define ENGINE_CPACR CPACR_EL1_FPEN(CPACR_EL1_FP_TRAP_NONE)
#define ENGINE_CNTKCTL 3        /* EL0PCTEN, EL0VCTEN: the counters can be read, the timers not */
#define ENGINE_MDSCR (1 << 12)  /* TDCC: the debug communication channel traps */

	/* Saves two system registers in place \place of FRAME_CALLER, at which x4 points. Clobbers x5, x6. */
	.macro	put_away place, one, other
	mrs	x5, \one
	mrs	x6, \other
	stp	x5, x6, [x4, #16 * \place]
	.endm

	.macro	give_back place, one, other
	ldp	x5, x6, [x4, #16 * \place]
	msr	\one, x5
	msr	\other, x6
	.endm

	/*
	 * All that is put away and given back, but for the two that come first and last. ESR, ELR, SPSR and FAR are
	 * written by each exception of S-EL0; TPIDR_EL0, FPCR and FPSR S-EL0 can write itself; the others are changed here.
	 */
	.macro	each_register operation
	\operation 2, ttbr0_el1, mair_el1
	\operation 3, vbar_el1, cpacr_el1
	\operation 4, cntkctl_el1, mdscr_el1
	\operation 5, tpidr_el0, tpidrro_el0
	\operation 6, contextidr_el1, pmuserenr_el0
	\operation 7, elr_el1, spsr_el1
	\operation 8, esr_el1, far_el1
	\operation 9, fpcr, fpsr
	.endm

	/* Loads or stores all of Q0-Q31 at \place of the frame in x0. Clobbers x7. */
	.macro	each_q_pair operation, place
	add	x7, x0, #\place
	\operation	q0, q1, [x7], #32
	\operation	q2, q3, [x7], #32
	\operation	q4, q5, [x7], #32
	\operation	q6, q7, [x7], #32
	\operation	q8, q9, [x7], #32
	\operation	q10, q11, [x7], #32
	\operation	q12, q13, [x7], #32
	\operation	q14, q15, [x7], #32
	\operation	q16, q17, [x7], #32
	\operation	q18, q19, [x7], #32
	\operation	q20, q21, [x7], #32
	\operation	q22, q23, [x7], #32
	\operation	q24, q25, [x7], #32
	\operation	q26, q27, [x7], #32
	\operation	q28, q29, [x7], #32
	\operation	q30, q31, [x7], #32
	.endm

/*
 * void sandbox_enter(struct sandbox_frame *frame, uint64_t ttbr0, struct sandbox_regime *regime, uint64_t scr_el3)
 */
func sandbox_enter
	/*
	 * Buffers of profiling (SPE) and trace (TRBE) that the normal world owns are drained while its translation is
	 * still there: PSB CSYNC, TSB CSYNC, which are hints. And an SError of what the caller has done so far comes here
	 * and now, to TF-A's vectors, so that it is never the engine's.
	 */
	hint	#17
	hint	#18
	dsb	sy
	isb

	add	x4, x0, #FRAME_CALLER
	put_away 0, scr_el3, cptr_el3
	put_away 1, tcr_el1, sctlr_el1
	mov_imm	x5, ENGINE_CPTR
	msr	cptr_el3, x5
	isb
	each_register put_away
	each_q_pair stp, FRAME_Q

	msr	scr_el3, x3
	ldp	x5, x6, [x2] /* struct sandbox_regime */
	msr	ttbr0_el1, x1
	msr	mair_el1, x6
	isb
	msr	tcr_el1, x5
	mov_imm	x5, ENGINE_SCTLR
	msr	sctlr_el1, x5
	mov_imm	x5, SHIM_VA
	msr	vbar_el1, x5
	mov_imm	x5, ENGINE_CPACR
	msr	cpacr_el1, x5
	mov	x5, #ENGINE_CNTKCTL
	msr	cntkctl_el1, x5
	mov	x5, #ENGINE_MDSCR
	msr	mdscr_el1, x5
	msr	tpidr_el0, xzr
	msr	tpidrro_el0, xzr
	msr	contextidr_el1, xzr
	msr	pmuserenr_el0, xzr
	msr	far_el1, xzr
	msr	fpcr, xzr
	msr	fpsr, xzr
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movi	v\n\().2d, #0
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	movi	v\n\().2d, #0
	.endr
	isb
	ret
endfunc sandbox_enter

/*
 * void sandbox_leave(struct sandbox_frame *frame)
 *
 * TCR_EL1 goes first: with ERRATA_SPECULATIVE_AT the value from before forbids all walks (TF-A has set EPD0 and EPD1),
 * until TF-A gives the caller its own. SCR_EL3 goes last, so the caller's registers are complete before the world changes.
 */
func sandbox_leave
	add	x4, x0, #FRAME_CALLER
	give_back 1, tcr_el1, sctlr_el1
	isb
	each_register give_back
	each_q_pair ldp, FRAME_Q
	give_back 0, scr_el3, cptr_el3
	isb
	ret
endfunc sandbox_leave

/* void sandbox_clear(struct sandbox_frame *frame): Q0 and Q1 are zero since sandbox_enter. */
func sandbox_clear
	.irp	n, 0, 4, 8, 12, 16, 20, 24, 28
	stp	q0, q1, [x0, #FRAME_X + 8 * \n] /* the last one with FRAME_SP */
	.endr
	ret
endfunc sandbox_clear

	/*
	 * What the engine has in registers besides those of sandbox_run. The four of exceptions are needed if the interrupt
	 * came behind an exception of S-EL0 and before the shim's SMC.
	 */
	.macro	each_kept operation
	\operation 0, elr_el1, spsr_el1
	\operation 1, esr_el1, far_el1
	\operation 2, fpcr, fpsr
	\operation 3, tpidr_el0, tpidr_el0
	.endm

/* void sandbox_keep(struct sandbox_frame *frame) */
func sandbox_keep
	add	x4, x0, #FRAME_KEPT
	each_kept put_away
	each_q_pair stp, FRAME_KEPT_Q
	ret
endfunc sandbox_keep

/* void sandbox_take_up(struct sandbox_frame *frame) */
func sandbox_take_up
	add	x4, x0, #FRAME_KEPT
	each_kept give_back
	each_q_pair ldp, FRAME_KEPT_Q
	ret
endfunc sandbox_take_up

/*
 * void sandbox_run(struct sandbox_frame *frame)
 *
 * BL31 runs C on SP_EL0 and keeps SP_EL3 for exceptions. While the engine runs, SP_EL0 is its own, and SP_EL3 points at
 * the frame. SError is masked in between, where neither set of vectors would find its stack.
 */
func sandbox_run
	stp	x19, x20, [x0, #FRAME_EL3 + 0x00]
	stp	x21, x22, [x0, #FRAME_EL3 + 0x10]
	stp	x23, x24, [x0, #FRAME_EL3 + 0x20]
	stp	x25, x26, [x0, #FRAME_EL3 + 0x30]
	stp	x27, x28, [x0, #FRAME_EL3 + 0x40]
	stp	x29, x30, [x0, #FRAME_EL3 + 0x50]
	mrs	x1, vbar_el3
	mrs	x2, daif
	stp	x1, x2, [x0, #FRAME_EL3_VBAR]
	msr	daifset, #DAIF_ABT_BIT
	mov	x1, sp
	msr	spsel, #MODE_SP_ELX
	mov	x2, sp
	stp	x1, x2, [x0, #FRAME_EL3_SP0]
	mov	sp, x0

	ldr	x1, [sp, #FRAME_VECTORS]
	msr	vbar_el3, x1
	ldp	x1, x2, [sp, #FRAME_PC]
	msr	elr_el3, x1
	msr	spsr_el3, x2
	ldp	x30, x1, [sp, #FRAME_X + 8 * 30] /* and FRAME_SP */
	msr	sp_el0, x1
	ldp	x28, x29, [sp, #FRAME_X + 8 * 28]
	ldp	x26, x27, [sp, #FRAME_X + 8 * 26]
	ldp	x24, x25, [sp, #FRAME_X + 8 * 24]
	ldp	x22, x23, [sp, #FRAME_X + 8 * 22]
	ldp	x20, x21, [sp, #FRAME_X + 8 * 20]
	ldp	x18, x19, [sp, #FRAME_X + 8 * 18]
	ldp	x16, x17, [sp, #FRAME_X + 8 * 16]
	ldp	x14, x15, [sp, #FRAME_X + 8 * 14]
	ldp	x12, x13, [sp, #FRAME_X + 8 * 12]
	ldp	x10, x11, [sp, #FRAME_X + 8 * 10]
	ldp	x8, x9, [sp, #FRAME_X + 8 * 8]
	ldp	x6, x7, [sp, #FRAME_X + 8 * 6]
	ldp	x4, x5, [sp, #FRAME_X + 8 * 4]
	ldp	x2, x3, [sp, #FRAME_X + 8 * 2]
	mrs	x0, cntpct_el0
	str	x0, [sp, #FRAME_STARTED]
	ldp	x0, x1, [sp, #FRAME_X]
	exception_return
endfunc sandbox_run

/*
 * The engine has been stopped: x0 says how, SP is the frame, x0 and x1 are in it already. Returns to the caller of
 * sandbox_run, with everything else of the engine in the frame.
 */
func sandbox_stopped
	stp	x2, x3, [sp, #FRAME_X + 8 * 2]
	mrs	x1, cntpct_el0
	str	x1, [sp, #FRAME_ENDED]
	stp	x4, x5, [sp, #FRAME_X + 8 * 4]
	stp	x6, x7, [sp, #FRAME_X + 8 * 6]
	stp	x8, x9, [sp, #FRAME_X + 8 * 8]
	stp	x10, x11, [sp, #FRAME_X + 8 * 10]
	stp	x12, x13, [sp, #FRAME_X + 8 * 12]
	stp	x14, x15, [sp, #FRAME_X + 8 * 14]
	stp	x16, x17, [sp, #FRAME_X + 8 * 16]
	stp	x18, x19, [sp, #FRAME_X + 8 * 18]
	stp	x20, x21, [sp, #FRAME_X + 8 * 20]
	stp	x22, x23, [sp, #FRAME_X + 8 * 22]
	stp	x24, x25, [sp, #FRAME_X + 8 * 24]
	stp	x26, x27, [sp, #FRAME_X + 8 * 26]
	stp	x28, x29, [sp, #FRAME_X + 8 * 28]
	mrs	x1, sp_el0
	stp	x30, x1, [sp, #FRAME_X + 8 * 30]
	mrs	x1, elr_el3
	mrs	x2, spsr_el3
	stp	x1, x2, [sp, #FRAME_PC]
	mrs	x1, esr_el3
	stp	x0, x1, [sp, #FRAME_STOPPED]
	str	xzr, [sp, #FRAME_SERROR]

	/* An SError of what the engine has done so far comes here and now, to late_serror, so that it is nobody else's. */
	dsb	sy
	msr	daifclr, #DAIF_ABT_BIT
	isb
	msr	daifset, #DAIF_ABT_BIT

	mov	x0, sp
	ldp	x1, x2, [x0, #FRAME_EL3_VBAR]
	msr	vbar_el3, x1
	isb
	ldp	x3, x4, [x0, #FRAME_EL3_SP0]
	mov	sp, x4
	msr	spsel, #MODE_SP_EL0
	mov	sp, x3
	msr	daif, x2
	ldp	x19, x20, [x0, #FRAME_EL3 + 0x00]
	ldp	x21, x22, [x0, #FRAME_EL3 + 0x10]
	ldp	x23, x24, [x0, #FRAME_EL3 + 0x20]
	ldp	x25, x26, [x0, #FRAME_EL3 + 0x30]
	ldp	x27, x28, [x0, #FRAME_EL3 + 0x40]
	ldp	x29, x30, [x0, #FRAME_EL3 + 0x50]
	ret
endfunc sandbox_stopped

/* An SError between the engine's last instruction and the fence: its syndrome is kept, and what was going on goes on. */
func late_serror
	mrs	x3, esr_el3
	str	x3, [sp, #FRAME_SERROR]
	exception_return
endfunc late_serror

	/* Nothing is done to branch predictors. */
	.macro	predictors_none
	.endm

	/*
	 * Cortex-A57, A72 and A73-like: switching the MMU off and on forgets the targets of branches (CVE-2017-5715; TF-A's
	 * wa_cve_2017_5715_mmu.S). BL31 is mapped one to one.
	 */
	.macro	predictors_mmu
	mrs	x1, sctlr_el3
	bic	x1, x1, #SCTLR_M_BIT
	msr	sctlr_el3, x1
	isb
	orr	x1, x1, #SCTLR_M_BIT
	msr	sctlr_el3, x1
	isb
	.endm

	/*
	 * Newer ones: a history of branches of our own takes the place of the engine's (CVE-2022-23960; TF-A's
	 * wa_cve_2022_23960_bhb.S). 132 is the largest count that any of them needs.
	 */
	.macro	predictors_bhb
	mov	x1, #132
1:	b	2f
2:	subs	x1, x1, #1
	b.ne	1b
	dsb	sy
	isb
	.endm

	.macro	stopped_vector name, how, predictors
vector_entry \name
	stp	x0, x1, [sp, #FRAME_X]
	\predictors
	mov	x0, #\how
	b	sandbox_stopped
end_vector_entry \name
	.endm

	/*
	 * Arm DDI 0487, D1.3.1.5: 16 vectors of 128 bytes. Live are the four of a lower level in AArch64, and SError with
	 * SP_EL3. An exception of EL3 itself here would be a fault of this file.
	 */
	.macro	table name, predictors
vector_base \name
	.irp	n, 0, 1, 2, 3, 4, 5, 6
vector_entry \name\()_\n
	b	report_unhandled_exception
end_vector_entry \name\()_\n
	.endr
vector_entry \name\()_7
	b	late_serror
end_vector_entry \name\()_7
	stopped_vector \name\()_8, STOPPED_SYNCHRONOUS, \predictors
	stopped_vector \name\()_9, STOPPED_IRQ, \predictors
	stopped_vector \name\()_10, STOPPED_FIQ, \predictors
	stopped_vector \name\()_11, STOPPED_SERROR, \predictors
	.irp	n, 12, 13, 14, 15
vector_entry \name\()_\n
	b	report_unhandled_exception
end_vector_entry \name\()_\n
	.endr
	.endm

	table sandbox_vectors, predictors_none
	table sandbox_vectors_mmu, predictors_mmu
	table sandbox_vectors_bhb, predictors_bhb
