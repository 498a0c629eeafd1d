/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cache maintenance of ranges, for EL2, EL1 and EL0.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stddef.h>

/*
 * Makes the range the same for all observers, also for those with their caches off: cleans and invalidates it to the
 * point of coherency. It has ended when this returns. Lines at both ends may hold other data, which is kept.
 */
void cache_flush(const void *start, size_t bytes);

/* Makes code that was just written at `start` executable by this CPU and, after an ISB of theirs, by the others. */
void code_written(const void *start, size_t bytes);

#endif
