/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interrupts that the monitor uses, as non-secure group 1. No handler runs: a CPU is woken from WFI, or leaves a
 * guest, and then asks what is pending. gicv2.c and gicv3.c implement it; the platform has one of them.
 */
#ifndef GIC_H
#define GIC_H

#include <stdbool.h>
#include <stdint.h>

/* Once, on CPU 0, before gic_start_cpu(). */
void gic_start(void);

/* On every CPU; `cpu` is its place in the platform's order. Returns how other CPUs name it to the functions below. */
uint64_t gic_start_cpu(unsigned int cpu);

/* Enables a shared interrupt, to be taken by the CPU that is named so. */
void gic_enable_shared(uint32_t intid, uint64_t target);

/* Private interrupts of this CPU. */
void gic_enable_private(unsigned int cpu, uint32_t intid);
void gic_disable_private(unsigned int cpu, uint32_t intid);

void gic_send_sgi(uint32_t sgi, uint64_t target);

#define GIC_INTID_MASK 0x3FFU

/* Takes the next pending interrupt, if there is one: GIC_INTID_MASK of `taken`. Each must be ended, with all of
 * `taken`. */
bool gic_acknowledge(uint32_t *taken);
void gic_end(uint32_t taken);

#endif
