/* SPDX-License-Identifier: BSD-3-Clause */

#include "memory.h"

#include <stdint.h>

#include "sysreg.h"

/* Words where both sides allow it: with -mstrict-align the compiler would copy bytes. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	if ((((uintptr_t)to | (uintptr_t)from) % sizeof(uint64_t)) == 0U) {
		for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
			*(uint64_t *)(void *)target = *(const uint64_t *)(const void *)source;
			target += sizeof(uint64_t);
			source += sizeof(uint64_t);
		}
	}
	for (; bytes != 0U; bytes--) {
		*target++ = *source++;
	}
	return to;
}

void *memset(void *to, int value, size_t bytes)
{
	uint8_t *target = to;
	uint64_t word = 0x0101010101010101U * (uint8_t)value;

	if (((uintptr_t)to % sizeof(uint64_t)) == 0U) {
		for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
			*(uint64_t *)(void *)target = word;
			target += sizeof(uint64_t);
		}
	}
	for (; bytes != 0U; bytes--) {
		*target++ = (uint8_t)value;
	}
	return to;
}

int memcmp(const void *one, const void *other, size_t bytes)
{
	const uint8_t *left = one;
	const uint8_t *right = other;

	for (; bytes != 0U; bytes--, left++, right++) {
		if (*left != *right) {
			return *left - *right;
		}
	}
	return 0;
}

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
