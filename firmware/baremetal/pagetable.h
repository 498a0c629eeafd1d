/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation tables of any stage: 4 KiB granule, 39 bits of input address, levels 1 to 3, pages only (Arm ARM D8.3).
 * The same format serves stage 1 at EL1 (VA to IPA) and stage 2 at EL2 (IPA to PA), so addresses are plain numbers
 * here. The caller gives the attributes, and invalidates TLBs.
 */
#ifndef PAGETABLE_H
#define PAGETABLE_H

#include "address.h"

/* Where tables come from. Pages are zero when they are taken, and mapped at the address that goes into descriptors. */
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

/*
 * Maps whole pages, whether or not something is mapped there; break-before-make is the caller's business. The walker
 * sees the new entries after a DSB of the caller.
 */
enum map_status tables_map(struct page_tables *tables, uint64_t input, uint64_t output, uint64_t bytes,
			   uint64_t attributes);

/* Unmaps whole pages, whether or not they are mapped. Tables stay; TLBs are the caller's business. */
enum map_status tables_unmap(struct page_tables *tables, uint64_t input, uint64_t bytes);

/* Gives every table back to the source, the root too. */
void tables_release(struct page_tables *tables);

#endif
