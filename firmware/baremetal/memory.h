/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory functions that a freestanding compiler may call, and cache maintenance of ranges.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *one, const void *other, size_t bytes);

/* Makes the range the same for all observers, also those with caches off: clean and invalidate to coherency. */
void cache_flush(const void *start, size_t bytes);

/* Makes code that was just written at `start` executable by this CPU and, after an ISB of theirs, by the others. */
void code_written(const void *start, size_t bytes);

#endif
