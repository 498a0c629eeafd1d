/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walking a guest's translation tables, wherever they lead. What is wrong with an address stands in PAR_EL1, with one
 * exception: an external abort on the walk is taken as Data Abort by who asked for it (Arm DDI 0487, pseudocode of
 * AArch64.AT). Where tables lie is the guest's choice, so for the time of the walk EL3 expects that abort.
 */
#include <arch.h>
#include <asm_macros.S>

#include "glue.h"

	.global	translate_el1

/*
 * uint64_t translate_el1(uint64_t va, bool write)
 *
 * Returns what PAR_EL1 says, or only its F bit if the walk met an external abort. Clobbers PAR_EL1; and, like every
 * exception at EL3, SPSR_EL3 and ELR_EL3, which BL31 has saved for the caller of the SMC.
 */
func translate_el1
	mrs	x2, vbar_el3
	adr	x3, translate_vectors
	msr	vbar_el3, x3
	isb
	tbnz	w1, #0, 1f
	at	s12e1r, x0
	b	2f
1:	at	s12e1w, x0
2:	isb
	mrs	x0, par_el1
	b	translate_end
endfunc translate_el1

/* The walk was aborted, with SP_EL3 selected and everything else as it was. */
func translate_aborted
	msr	spsel, #MODE_SP_EL0
	mov	x0, #PAR_F_BIT
	b	translate_end
endfunc translate_aborted

func translate_end
	msr	vbar_el3, x2
	isb
	ret
endfunc translate_end

/* A synchronous exception with SP_EL0 is the walk's: interrupts and SError are masked at EL3. */
vector_base translate_vectors
vector_entry translate_vector_0
	b	translate_aborted
end_vector_entry translate_vector_0
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
vector_entry translate_vector_\n
	b	report_unhandled_exception
end_vector_entry translate_vector_\n
	.endr
