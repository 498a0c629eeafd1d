/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interrupts that the monitor itself uses, as Non-secure Group 1. No handler runs: a CPU wakes up from WFI, or
 * leaves a guest, and then asks here what is pending. gicv2.c and gicv3.c implement it; a platform has one of them.
 */
#ifndef GIC_H
#define GIC_H

#include <stdbool.h>
#include <stdint.h>

/* Switches the distributor on. Once, on CPU 0, before any gic_start_cpu(). */
void gic_start(void);

/*
 * Switches this CPU's interface and its SGIs on. On every CPU; `cpu` is its place in the platform's order. Returns the
 * name of this CPU as a target for the functions below, which depends on the GIC.
 */
uint64_t gic_start_cpu(unsigned int cpu);

/* Enables a shared interrupt (SPI), and routes it to one CPU. */
void gic_enable_shared(uint32_t intid, uint64_t target);

/* Enables or disables a private interrupt (PPI) of this CPU. */
void gic_enable_private(unsigned int cpu, uint32_t intid);
void gic_disable_private(unsigned int cpu, uint32_t intid);

/* Sends a software-generated interrupt. Stores before it are visible to the target when it arrives. */
void gic_send_sgi(uint32_t sgi, uint64_t target);

#define GIC_INTID_MASK 0x3FFU

/*
 * Takes the next pending interrupt of this CPU; returns false if there is none. Its number is GIC_INTID_MASK of
 * `taken`. Each must be ended by gic_end(), with all bits of `taken`.
 */
bool gic_acknowledge(uint32_t *taken);
void gic_end(uint32_t taken);

#endif
