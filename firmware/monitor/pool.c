/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages for the stage-2 tables of all VMs. Pages that were given back form a list through their first word; pages that
 * were never used are just counted, so that 16 MiB need not be touched at start. Only CPU 0 maps memory, so there is no
 * lock.
 */
#include "pool.h"

#include <stddef.h>

#include "memory.h"

#define POOL_PAGES 4096U /* three per VM for its RAM, and the rest for what tests map */

struct free_page {
	struct free_page *next;
};

/*
 * The assembler reads what follows the section's name: it makes the section one without content (`nobits`), so that the
 * pages are not in the image; `//` hides what the compiler appends.
 */
static uint8_t pages[POOL_PAGES][PAGE_BYTES] __attribute__((aligned(4096), section(".pool,\"aw\",@nobits//")));
static unsigned int untouched = POOL_PAGES;
static struct free_page *given_back;

static void *take(struct page_source *source)
{
	void *page = given_back;

	(void)source;
	if (given_back != NULL) {
		given_back = given_back->next;
	} else if (untouched != 0U) {
		page = pages[--untouched];
	} else {
		return NULL;
	}
	memset(page, 0, PAGE_BYTES); /* zero descriptors are invalid ones */
	return page;
}

static void give(struct page_source *source, void *page)
{
	struct free_page *freed = page;

	(void)source;
	freed->next = given_back;
	given_back = freed;
}

struct page_source table_pool = {.take = take, .give = give};
