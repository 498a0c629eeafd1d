/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cache maintenance by address, a line at a time. EL0 may do it as well (SCTLR_EL1.UCI), which the VMM relies on.
 */
#include "cache.h"

#include <stdint.h>

#include "sysreg.h"

/* Arm ARM, CTR_EL0: DminLine and IminLine, log2 of the words in the smallest line of all data or instruction caches. */
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

/*
 * The sequence of Arm ARM B2.2.5, "Concurrent modification and execution of instructions": clean the data to where
 * instructions are fetched from, then invalidate what the instruction caches have of it; each step must have ended
 * before the next.
 */
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
