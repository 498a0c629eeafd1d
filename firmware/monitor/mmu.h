/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor's own translation: one to one, DRAM as Normal memory and everything else as Device memory. A program at
 * EL2 thus reaches every address, and whether an access faults is the hardware's decision, not a table's.
 */
#ifndef MMU_H
#define MMU_H

/* CPU 0, once, with the MMU off: builds the tables. Before any mmu_enable(). */
void mmu_prepare(void);

/* Sets up EL2 of this CPU: exception vectors, translation, caches, and what EL1 may do without a trap. */
void mmu_enable(void);

#endif
