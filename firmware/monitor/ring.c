/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of bytes from one CPU to another, without a lock. Each counter has one writer: `written` the CPU that puts,
 * `taken` the one that takes. They only grow, modulo 2^32, and RING_BYTES is a power of two, so their difference is
 * what the ring holds. A counter is published by a release after the bytes that it is about, and read with an acquire
 * before them.
 */
#include "ring.h"

bool ring_is_empty(const struct ring *ring)
{
	return __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) == __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE);
}

size_t ring_put(struct ring *ring, const void *bytes, size_t count)
{
	uint32_t room = RING_BYTES - (ring->written - __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE));
	const uint8_t *from = bytes;
	uint32_t moved;

	for (moved = 0; moved < count && moved < room; moved++) {
		ring->bytes[(ring->written + moved) % RING_BYTES] = from[moved];
	}
	__atomic_store_n(&ring->written, ring->written + moved, __ATOMIC_RELEASE);
	return moved;
}

size_t ring_take(struct ring *ring, void *bytes, size_t count)
{
	uint32_t there = __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) - ring->taken;
	uint8_t *to = bytes;
	uint32_t moved;

	for (moved = 0; moved < count && moved < there; moved++) {
		to[moved] = ring->bytes[(ring->taken + moved) % RING_BYTES];
	}
	__atomic_store_n(&ring->taken, ring->taken + moved, __ATOMIC_RELEASE);
	return moved;
}
