/* SPDX-License-Identifier: BSD-3-Clause */

#include "cache.h"

#include <stdint.h>

#include "sysreg.h"

/* The smallest line of any cache in the system: Arm ARM D19.2 (CTR_EL0). */
static size_t line_bytes(unsigned int field)
{
	return (size_t)4U << ((READ_SYSREG(ctr_el0) >> field) & 0xFU);
}

#define CTR_DMINLINE 16U
#define CTR_IMINLINE 0U

void cache_flush(const void *start, size_t bytes)
{
	size_t line = line_bytes(CTR_DMINLINE);
	uintptr_t end = (uintptr_t)start + bytes;

	for (uintptr_t at = (uintptr_t)start & ~(line - 1U); at < end; at += line) {
		__asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
	}
	dsb_sy();
}

/* The sequence of Arm ARM B2.2.5 (concurrent modification and execution of instructions). */
void code_written(const void *start, size_t bytes)
{
	size_t line = line_bytes(CTR_DMINLINE);
	uintptr_t end = (uintptr_t)start + bytes;

	for (uintptr_t at = (uintptr_t)start & ~(line - 1U); at < end; at += line) {
		__asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
	}
	dsb_ish();
	line = line_bytes(CTR_IMINLINE);
	for (uintptr_t at = (uintptr_t)start & ~(line - 1U); at < end; at += line) {
		__asm__ volatile("ic ivau, %0" ::"r"(at) : "memory");
	}
	dsb_ish();
	isb();
}
