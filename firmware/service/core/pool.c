/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages for state images and for queues.
 *
 * Secure pages form chains through page_next, so that taking and giving need no search, and images need no contiguous
 * memory. A free page is always zero: whoever gives pages back has scrubbed them. Queue pages must be contiguous,
 * because a VM maps its queue as one region; a first-fit search is quick enough for CREATE.
 */
#include <string.h>

#include "pool.h"

static uint8_t *page_memory(uint32_t page)
{
	return port_secure(pa_make(VTPM_IMAGE_POOL_PA + (uint64_t)page * VTPM_PAGE_BYTES));
}

void pool_init(void)
{
	struct vtpm_state *state = state_get();

	state->free_first = VTPM_NO_PAGE;
	state->free_pages = 0;
	/* The service's own state lies in the first pages. From the end, so that the lowest page is taken first. */
	for (uint32_t page = VTPM_POOL_PAGES; page-- > VTPM_STATE_PAGES;) {
		state->page_next[page] = state->free_first;
		state->free_first = (uint16_t)page;
		state->free_pages++;
	}
}

bool pool_take(struct vtpm_pages *pages, uint32_t count)
{
	struct vtpm_state *state = state_get();

	if (count > state->free_pages) {
		return false;
	}
	for (uint32_t taken = 0; taken < count; taken++) {
		uint16_t page = state->free_first;

		state->free_first = state->page_next[page];
		state->page_next[page] = pages->first;
		pages->first = page;
		pages->count++;
	}
	state->free_pages -= count;
	return true;
}

void pool_scrub(const struct vtpm_pages *pages)
{
	const struct vtpm_state *state = state_get();
	uint16_t page = pages->first;

	for (uint32_t done = 0; done < pages->count; done++, page = state->page_next[page]) {
		port_zero_pages(page_memory(page), VTPM_PAGE_BYTES);
		port_breathe();
	}
}

void pool_give(struct vtpm_pages *pages, uint32_t keep)
{
	struct vtpm_state *state = state_get();

	while (pages->count > keep) {
		uint16_t page = pages->first;

		pages->first = state->page_next[page];
		pages->count--;
		state->page_next[page] = state->free_first;
		state->free_first = page;
		state->free_pages++;
	}
}

void pool_store(const struct vtpm_pages *pages, const uint8_t *from, uint32_t bytes)
{
	const struct vtpm_state *state = state_get();
	uint16_t page = pages->first;

	for (uint32_t done = 0; done < bytes; page = state->page_next[page]) {
		uint32_t part = bytes - done < VTPM_PAGE_BYTES ? bytes - done : VTPM_PAGE_BYTES;

		port_copy(page_memory(page), from + done, part);
		port_breathe();
		done += part;
	}
}

void pool_load(const struct vtpm_pages *pages, uint8_t *to, uint32_t bytes)
{
	const struct vtpm_state *state = state_get();
	uint16_t page = pages->first;

	for (uint32_t done = 0; done < bytes; page = state->page_next[page]) {
		uint32_t part = bytes - done < VTPM_PAGE_BYTES ? bytes - done : VTPM_PAGE_BYTES;

		port_copy(to + done, page_memory(page), part);
		port_breathe();
		done += part;
	}
}

bool queue_pool_take(uint32_t pages, struct pa *out)
{
	struct vtpm_state *state = state_get();
	uint32_t run = 0;

	for (uint32_t page = 0; page < VTPM_QUEUE_PAGES; page++) {
		run = state->queue_used[page] ? 0 : run + 1;
		if (run == pages) {
			uint32_t first = page + 1 - pages;

			memset(&state->queue_used[first], 1, pages);
			*out = pa_make(VTPM_QUEUE_POOL_PA + (uint64_t)first * VTPM_PAGE_BYTES);
			return true;
		}
	}
	return false;
}

void queue_pool_give(struct pa queue, uint32_t pages)
{
	memset(&state_get()->queue_used[(queue.value - VTPM_QUEUE_POOL_PA) / VTPM_PAGE_BYTES], 0, pages);
}
