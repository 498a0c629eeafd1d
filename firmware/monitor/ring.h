/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of bytes on their way from one CPU to another: one CPU writes, one reads, and neither waits.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_BYTES 0x10000U /* a power of two */

struct ring {
	uint32_t written;
	uint32_t taken;
	uint8_t bytes[RING_BYTES];
};

/* On either CPU. What was put before is seen. */
bool ring_is_empty(const struct ring *ring);

/* Both move as many bytes as there is room for, or as there are, and return how many that was. */
size_t ring_put(struct ring *ring, const void *bytes, size_t count);
size_t ring_take(struct ring *ring, void *bytes, size_t count);

#endif
