/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's heap. `malloc`, `free` and `realloc` have their usual headers; heap.c says what they promise beyond the
 * standard.
 */
#ifndef ENGINE_HEAP_H
#define ENGINE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Makes [start, end) the heap. Both are multiples of 16. Once per fresh window. */
void heap_open(uint8_t *start, uint8_t *end);

/*
 * Makes the heap end at `new_end`, a multiple of 16, instead of earlier: RESUME has used what is behind it as staging.
 */
void heap_extend(uint8_t *new_end);

/* Bytes allocated now, and the most so far, including block headers. */
size_t heap_in_use(void);
size_t heap_peak(void);

#endif
