/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor's own translation: one to one, DRAM as normal memory, everything else as device memory, so that an access
 * to anything faults or not as the hardware decides.
 */
#ifndef MMU_H
#define MMU_H

/* Once, before any mmu_enable(). */
void mmu_prepare(void);

/* Sets up EL2 of this CPU: translation, caches, vectors, and what EL1 may do without a trap. */
void mmu_enable(void);

#endif
