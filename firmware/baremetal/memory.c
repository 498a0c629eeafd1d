/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory functions that a freestanding compiler may call. `-fno-tree-loop-distribute-patterns` keeps it from
 * turning these loops into calls of themselves.
 */
#include "memory.h"

#include <stdint.h>

/*
 * Words where both sides are aligned: the code may run with its MMU off, where an unaligned access faults (hence
 * -mstrict-align), and byte by byte it would be slow.
 */
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
