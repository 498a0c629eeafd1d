/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * malloc: two-level segregated fit (Masmano et al., "TLSF: a new dynamic memory allocator for real-time systems", ECRTS
 * 2004). Allocation and release take bounded time, and neighbours that are free are always one block, so that the few
 * very large buffers of state serialisation still fit after many small allocations.
 *
 * A request that does not fit ends the engine instead of returning NULL: libtpms and OpenSSL need a bounded amount
 * (README.md, "Figures"), and neither is trusted to survive a failed allocation.
 */
#include "heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine_abi.h"
#include "leave.h"

enum {
	GRANULE = 16, /* every size and address is a multiple of this */
	SPLIT_SHIFT = 4,
	SPLITS = 1 << SPLIT_SHIFT, /* lists per power of two */
	LINEAR_SHIFT = 8,          /* below 1 << LINEAR_SHIFT bytes: one list per size */
	WINDOW_SHIFT = 20,         /* no block is larger than the window */
	ROWS = WINDOW_SHIFT - LINEAR_SHIFT + 1,
	LARGEST_REQUEST = 1 << (WINDOW_SHIFT - 1), /* so that rounding up stays within the rows */
};

#define IN_USE ((size_t)1)

struct block {
	struct block *below; /* the block that ends where this one starts, or NULL */
	size_t size_and_use; /* bytes to the next block's header, this header included */
	/* Only while free: */
	struct block *next;
	struct block *previous;
};

#define HEADER_BYTES offsetof(struct block, next)

_Static_assert(HEADER_BYTES == GRANULE, "payloads must stay aligned");
_Static_assert(1 << WINDOW_SHIFT == ENGINE_WINDOW_BYTES, "rows follow from the window's size");
_Static_assert(sizeof(struct block) % GRANULE == 0, "the smallest block must hold the list links");

static struct {
	struct block *lists[ROWS][SPLITS];
	uint32_t filled_rows;
	uint32_t filled_lists[ROWS];
	struct block *last; /* an empty block in use, so that every other block has one above it */
	size_t in_use;
	size_t peak;
} heap;

struct position {
	unsigned int row;
	unsigned int list;
};

static size_t block_size(const struct block *block)
{
	return block->size_and_use & ~IN_USE;
}

static bool block_is_free(const struct block *block)
{
	return (block->size_and_use & IN_USE) == 0;
}

static struct block *block_above(struct block *block)
{
	return (struct block *)((uintptr_t)block + block_size(block));
}

static unsigned int log2_floor(size_t value)
{
	return 63U - (unsigned int)__builtin_clzl(value);
}

/* The list in which a free block of this size is kept. */
static struct position position_of(size_t size)
{
	if (size < (1U << LINEAR_SHIFT)) {
		return (struct position){0, (unsigned int)(size / GRANULE)};
	}

	unsigned int shift = log2_floor(size);

	return (struct position){shift - LINEAR_SHIFT + 1, (unsigned int)(size >> (shift - SPLIT_SHIFT)) % SPLITS};
}

static void list_add(struct block *block)
{
	struct position at = position_of(block_size(block));
	struct block *head = heap.lists[at.row][at.list];

	block->previous = NULL;
	block->next = head;
	if (head != NULL) {
		head->previous = block;
	}
	heap.lists[at.row][at.list] = block;
	heap.filled_lists[at.row] |= 1U << at.list;
	heap.filled_rows |= 1U << at.row;
}

/*
 * Ends the engine if a header cannot be what this file wrote there. The heap is an attacker's first target after an
 * overflow in a library, so headers are checked each time before they are used.
 */
static void check(struct block *block, size_t use)
{
	size_t reach = (uintptr_t)heap.last - (uintptr_t)block;

	if ((block->size_and_use & IN_USE) != use || block_size(block) < sizeof(struct block) ||
	    block_size(block) > reach || block_above(block)->below != block) {
		engine_fatal(ENGINE_FAULT_HEAP_CORRUPT);
	}
}

static void list_remove(struct block *block)
{
	check(block, 0);

	struct position at = position_of(block_size(block));

	if (block->next != NULL) {
		block->next->previous = block->previous;
	}
	if (block->previous != NULL) {
		block->previous->next = block->next;
		return;
	}
	heap.lists[at.row][at.list] = block->next;
	if (block->next == NULL) {
		heap.filled_lists[at.row] &= ~(1U << at.list);
		if (heap.filled_lists[at.row] == 0) {
			heap.filled_rows &= ~(1U << at.row);
		}
	}
}

/* Returns a free block of at least this size, or ends the engine. Rounds up: any block of the chosen list fits. */
static struct block *find_free(size_t size)
{
	if (size >= (1U << LINEAR_SHIFT)) {
		size += ((size_t)1 << (log2_floor(size) - SPLIT_SHIFT)) - 1;
	}

	struct position at = position_of(size);
	uint32_t lists = heap.filled_lists[at.row] & (~0U << at.list);

	if (lists == 0) {
		uint32_t rows = heap.filled_rows & (~0U << at.row << 1);

		if (rows == 0) {
			engine_fatal(ENGINE_FAULT_HEAP_FULL);
		}
		at.row = (unsigned int)__builtin_ctz(rows);
		lists = heap.filled_lists[at.row];
	}
	return heap.lists[at.row][__builtin_ctz(lists)];
}

/* Cuts what exceeds size off a block that is in no list, and returns it as a block, or NULL if it is too small. */
static struct block *cut(struct block *block, size_t size)
{
	size_t rest_size = block_size(block) - size;

	if (rest_size < sizeof(struct block)) {
		return NULL;
	}

	struct block *rest = (struct block *)((uintptr_t)block + size);

	rest->below = block;
	rest->size_and_use = rest_size | IN_USE;
	block_above(rest)->below = rest;
	block->size_and_use = size | (block->size_and_use & IN_USE);
	return rest;
}

/* Makes a block that is in no list free, joined with its free neighbours. */
static void release(struct block *block)
{
	struct block *above = block_above(block);

	if (block_is_free(above)) {
		list_remove(above);
		block->size_and_use += block_size(above);
	}
	if (block->below != NULL && block_is_free(block->below)) {
		size_t size = block_size(block);

		block = block->below;
		list_remove(block);
		block->size_and_use += size;
	}
	block->size_and_use &= ~IN_USE;
	block_above(block)->below = block;
	list_add(block);
}

static size_t size_for(size_t bytes)
{
	if (bytes > LARGEST_REQUEST) {
		engine_fatal(ENGINE_FAULT_HEAP_FULL);
	}

	size_t size = (HEADER_BYTES + bytes + GRANULE - 1) / GRANULE * GRANULE;

	return size < sizeof(struct block) ? sizeof(struct block) : size;
}

static struct block *block_of(void *payload)
{
	struct block *block = (struct block *)((uintptr_t)payload - HEADER_BYTES);

	check(block, IN_USE);
	return block;
}

static void count(size_t more, size_t less)
{
	heap.in_use += more;
	heap.in_use -= less;
	if (heap.in_use > heap.peak) {
		heap.peak = heap.in_use;
	}
}

void *malloc(size_t bytes)
{
	size_t size = size_for(bytes);
	struct block *block = find_free(size);

	list_remove(block);

	struct block *rest = cut(block, size);

	block->size_and_use |= IN_USE;
	if (rest != NULL) {
		release(rest);
	}
	count(block_size(block), 0);
	return (uint8_t *)block + HEADER_BYTES;
}

void free(void *payload)
{
	if (payload == NULL) {
		return;
	}

	struct block *block = block_of(payload);

	count(0, block_size(block));
	release(block);
}

void *realloc(void *payload, size_t bytes)
{
	if (payload == NULL) {
		return malloc(bytes);
	}

	struct block *block = block_of(payload);
	size_t old_size = block_size(block);
	size_t size = size_for(bytes);

	if (size <= old_size) {
		struct block *rest = cut(block, size);

		if (rest != NULL) {
			release(rest);
		}
		count(block_size(block), old_size);
		return payload;
	}

	void *moved = malloc(bytes);

	memcpy(moved, payload, old_size - HEADER_BYTES); /* it grows, so the old size is the smaller one */
	free(payload);
	return moved;
}

void heap_open(uint8_t *start, uint8_t *end)
{
	struct block *first = (struct block *)(uintptr_t)start;

	heap.last = (struct block *)((uintptr_t)end - HEADER_BYTES);
	heap.last->size_and_use = IN_USE;
	first->below = NULL;
	first->size_and_use = (size_t)((uintptr_t)heap.last - (uintptr_t)first) | IN_USE;
	release(first);
}

void heap_extend(uint8_t *new_end)
{
	struct block *added = heap.last;

	heap.last = (struct block *)((uintptr_t)new_end - HEADER_BYTES);
	heap.last->size_and_use = IN_USE;
	added->size_and_use = (size_t)((uintptr_t)heap.last - (uintptr_t)added) | IN_USE;
	release(added);
}

size_t heap_in_use(void)
{
	return heap.in_use;
}

size_t heap_peak(void)
{
	return heap.peak;
}
