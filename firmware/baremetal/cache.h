/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cache maintenance of ranges, as EL0 may do it, too.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stddef.h>

/* Makes the range the same for all observers, also those with caches off: clean and invalidate to coherency. */
void cache_flush(const void *start, size_t bytes);

/* Makes code that was just written at `start` executable by this CPU and, after an ISB of theirs, by the others. */
void code_written(const void *start, size_t bytes);

#endif
