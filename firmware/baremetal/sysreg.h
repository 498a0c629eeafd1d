/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * System registers, barriers and the generic counter.
 */
#ifndef SYSREG_H
#define SYSREG_H

#include <stdint.h>

/* A name may itself be a macro, for registers that the assembler does not know. "memory" keeps accesses in order. */
#define SYSREG_TEXT(name) #name
#define READ_SYSREG(name)                                                                                              \
	({                                                                                                             \
		uint64_t value_;                                                                                       \
		__asm__ volatile("mrs %0, " SYSREG_TEXT(name) : "=r"(value_)::"memory");                               \
		value_;                                                                                                \
	})

#define WRITE_SYSREG(name, value) __asm__ volatile("msr " SYSREG_TEXT(name) ", %0" ::"r"((uint64_t)(value)) : "memory")

static inline void isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}

static inline void dsb_ish(void)
{
	__asm__ volatile("dsb ish" ::: "memory");
}

static inline void dsb_sy(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}

/* CNTPCT_EL0, the physical counter. Without the ISB it could be read before what stands in front of the call. */
static inline uint64_t counter_now(void)
{
	isb();
	return READ_SYSREG(cntpct_el0);
}

/* Microseconds as ticks of the counter; a time that would overflow becomes a very long one. */
static inline uint64_t counter_ticks(uint64_t microseconds)
{
	uint64_t frequency = READ_SYSREG(cntfrq_el0);
	uint64_t limit = UINT64_MAX / 2U / frequency;

	return (microseconds > limit ? limit : microseconds) * frequency / 1000000U;
}

#endif
