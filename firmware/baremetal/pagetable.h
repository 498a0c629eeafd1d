/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation tables of any stage: 4 KiB granule, 39 bits of input address, levels 1 to 3, pages only
 * (Arm ARM D8.3). The caller gives the attributes and invalidates TLBs.
 */
#ifndef PAGETABLE_H
#define PAGETABLE_H

#include "address.h"

/* Where tables come from; pages are zero when taken. They must be mapped one to one. */
struct page_source {
	void *(*take)(struct page_source *source); /* NULL: none left */
	void (*give)(struct page_source *source, void *page);
};

struct page_tables {
	uint64_t *root;
	struct page_source *source;
};

enum map_status {
	MAP_OK,
	MAP_BAD_ADDRESS, /* not page aligned, or out of reach */
	MAP_NO_PAGE,     /* the source has no page left; part of the range may be mapped */
};

#define TABLE_INPUT_BITS 39U

/* Descriptor bits common to both stages. */
#define PAGE_VALID 3ULL
#define PAGE_INNER_SHAREABLE (3ULL << 8)
#define PAGE_ACCESSED (1ULL << 10)

enum map_status tables_map(struct page_tables *tables, uint64_t input, uint64_t output, uint64_t bytes,
			   uint64_t attributes);
enum map_status tables_unmap(struct page_tables *tables, uint64_t input, uint64_t bytes);

/* Gives every table back to the source, the root too. */
void tables_release(struct page_tables *tables);

#endif
