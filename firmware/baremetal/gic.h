/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interrupts that the monitor uses, as non-secure group 1. No handler runs: a CPU is woken from WFI, or leaves a
 * guest, and then asks what is pending.
 */
#ifndef GIC_H
#define GIC_H

#include <stdbool.h>
#include <stdint.h>

/* Once, on CPU 0, before gic_start_cpu(). */
void gic_start(uintptr_t distributor);

/* On every CPU. `redistributor` is that of this CPU. */
void gic_start_cpu(uintptr_t redistributor);

/* Enables a shared interrupt, to be taken by the CPU with this affinity. */
void gic_enable_shared(uintptr_t distributor, uint32_t intid, uint64_t mpidr);

/* Enables a private interrupt of this CPU. */
void gic_enable_private(uintptr_t redistributor, uint32_t intid);

void gic_send_sgi(uint32_t sgi, uint64_t mpidr);

/* Takes the next pending interrupt, if there is one; each must be ended. */
bool gic_acknowledge(uint32_t *intid);
void gic_end(uint32_t intid);

#define GICR_STRIDE 0x20000UL /* from one redistributor to the next, GICv3 */

#endif
