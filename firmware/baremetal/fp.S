/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FP and SIMD state as a block of memory: v0-v31, FPCR, FPSR (AGENT_FP_BYTES). x0 -> the block; x1 is clobbered.
 */
	.arch_extension fp
	.arch_extension simd

	.macro each_pair instruction
	\instruction q0, q1, [x0]
	\instruction q2, q3, [x0, #32]
	\instruction q4, q5, [x0, #64]
	\instruction q6, q7, [x0, #96]
	\instruction q8, q9, [x0, #128]
	\instruction q10, q11, [x0, #160]
	\instruction q12, q13, [x0, #192]
	\instruction q14, q15, [x0, #224]
	\instruction q16, q17, [x0, #256]
	\instruction q18, q19, [x0, #288]
	\instruction q20, q21, [x0, #320]
	\instruction q22, q23, [x0, #352]
	\instruction q24, q25, [x0, #384]
	\instruction q26, q27, [x0, #416]
	\instruction q28, q29, [x0, #448]
	\instruction q30, q31, [x0, #480]
	.endm

	.section .text.fp_load, "ax"
	.global fp_load
fp_load:
	each_pair ldp
	ldr	x1, [x0, #512]
	msr	fpcr, x1
	ldr	x1, [x0, #520]
	msr	fpsr, x1
	ret

	.section .text.fp_store, "ax"
	.global fp_store
fp_store:
	each_pair stp
	mrs	x1, fpcr
	str	x1, [x0, #512]
	mrs	x1, fpsr
	str	x1, [x0, #520]
	ret
