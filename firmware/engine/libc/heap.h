/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ENGINE_HEAP_H
#define ENGINE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Makes [start, end) the heap. Both are multiples of 16. */
void heap_open(uint8_t *start, uint8_t *end);

/* Adds the bytes from the heap's end up to new_end, which is a multiple of 16. */
void heap_extend(uint8_t *new_end);

/* Bytes allocated now and at most so far, including block headers. */
size_t heap_in_use(void);
size_t heap_peak(void);

#endif
