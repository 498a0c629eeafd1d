/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation tables of any stage. Only pages, no blocks: a test can unmap any page of what it has mapped, and never
 * has to split an entry. A walker on another CPU may read an entry at any time, so entries are written by one release
 * store, after the table that they lead to is complete.
 */
#include "pagetable.h"

#include <stddef.h>

#define ENTRIES 512U
#define LAST_LEVEL 3U
#define FIRST_LEVEL 1U
#define LARGEST_RANGE (1ULL << 30) /* bounds the time of one request, in which CPU 0 does nothing else */
#define ADDRESS_MASK (((1ULL << ADDRESS_BITS) - 1U) & ~(uint64_t)(PAGE_BYTES - 1U))

/* Arm ARM, "Translation granules": with 4 KiB, each level resolves 9 bits above the 12 of the page. */
static uint64_t *entry_of(uint64_t *table, uint64_t input, unsigned int level)
{
	return &table[(input >> (12U + 9U * (LAST_LEVEL - level))) % ENTRIES];
}

/* Table and page descriptors have the address in the same bits (Arm ARM D8.3). */
static uint64_t *table_in(uint64_t entry)
{
	return pa_pointer(pa_make(entry & ADDRESS_MASK));
}

static bool range_ok(uint64_t input, uint64_t output, uint64_t bytes)
{
	uint64_t reach = 1ULL << TABLE_INPUT_BITS;

	return page_aligned(input | output | bytes) && bytes != 0U && bytes <= LARGEST_RANGE &&
	       input <= reach - bytes && (output & ~ADDRESS_MASK) == 0U;
}

/*
 * Returns the entry of the last level for an input address; NULL if a table on the way does not exist, and `create` is
 * false or the source has no page left.
 */
static uint64_t *walk(struct page_tables *tables, uint64_t input, bool create)
{
	uint64_t *table = tables->root;

	for (unsigned int level = FIRST_LEVEL; level < LAST_LEVEL; level++) {
		uint64_t *entry = entry_of(table, input, level);

		if (*entry == 0U) {
			void *page = create ? tables->source->take(tables->source) : NULL;

			if (page == NULL) {
				return NULL;
			}
			__atomic_store_n(entry, (uint64_t)(uintptr_t)page | PAGE_VALID, __ATOMIC_RELEASE);
		}
		table = table_in(*entry);
	}
	return entry_of(table, input, LAST_LEVEL);
}

enum map_status tables_map(struct page_tables *tables, uint64_t input, uint64_t output, uint64_t bytes,
			   uint64_t attributes)
{
	if (!range_ok(input, output, bytes)) {
		return MAP_BAD_ADDRESS;
	}
	for (uint64_t offset = 0; offset < bytes; offset += PAGE_BYTES) {
		uint64_t *entry = walk(tables, input + offset, true);

		if (entry == NULL) {
			return MAP_NO_PAGE;
		}
		__atomic_store_n(entry, (output + offset) | attributes | PAGE_ACCESSED | PAGE_VALID, __ATOMIC_RELEASE);
	}
	return MAP_OK;
}

enum map_status tables_unmap(struct page_tables *tables, uint64_t input, uint64_t bytes)
{
	if (!range_ok(input, 0, bytes)) {
		return MAP_BAD_ADDRESS;
	}
	for (uint64_t offset = 0; offset < bytes; offset += PAGE_BYTES) {
		uint64_t *entry = walk(tables, input + offset, false);

		if (entry != NULL) {
			__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
		}
	}
	return MAP_OK;
}

void tables_release(struct page_tables *tables)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uint64_t *middle = tables->root[i] == 0U ? NULL : table_in(tables->root[i]);

		for (unsigned int j = 0; middle != NULL && j < ENTRIES; j++) {
			if (middle[j] != 0U) {
				tables->source->give(tables->source, table_in(middle[j]));
			}
		}
		if (middle != NULL) {
			tables->source->give(tables->source, middle);
		}
	}
	tables->source->give(tables->source, tables->root);
	tables->root = NULL;
}
