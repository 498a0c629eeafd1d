/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that runs at S-EL1: sixteen vectors that pass on whatever the engine does to EL3. Vector n is SMC #n, so EL3 knows
 * which one it was. There is no way back through here, no stack, no data: EL3 returns to S-EL0 itself.
 *
 * It fills a page of its own, which S-EL0 can neither read nor execute, and which nobody can write: it is part of BL31's
 * code. The rest of the page is zero, UDF.
 */
#include "sandbox.h"

	.global	sandbox_shim

	.section .text.sandbox_shim, "ax"
	.balign	SHIM_BYTES
	.type	sandbox_shim, %function
sandbox_shim:
	/* Arm DDI 0487, D1.3.1.5: 16 vectors of 128 bytes. A processor may run ahead of SMC, but not of this barrier. */
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.balign	0x80, 0
	smc	#\n
	dsb	nsh
	isb
	.endr
	.balign	SHIM_BYTES, 0
	.size	sandbox_shim, . - sandbox_shim
