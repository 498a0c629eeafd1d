/* SPDX-License-Identifier: BSD-3-Clause */

#include "pool.h"

#include <stddef.h>

#include "memory.h"

#define POOL_PAGES 4096U

struct free_page {
	struct free_page *next;
};

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
	memset(page, 0, PAGE_BYTES);
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
