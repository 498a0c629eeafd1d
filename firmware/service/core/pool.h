/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pages of the secure pool, for state images, and of the queue pool. To be called under the table lock, except
 * where it says otherwise.
 */
#ifndef VTPM_POOL_H
#define VTPM_POOL_H

#include "state.h"

/* Makes all pages behind the state free. Once. */
void pool_init(void);

/* Adds `count` zero pages to the chain. Returns false, and adds none, if there are not so many. */
bool pool_take(struct vtpm_pages *pages, uint32_t count);

/* Zeroes the pages of a chain. Needs no lock: the caller owns the chain. */
void pool_scrub(const struct vtpm_pages *pages);

/* Gives back all but the first `keep` pages of a scrubbed chain. */
void pool_give(struct vtpm_pages *pages, uint32_t keep);

/* Copies between a chain and contiguous secure memory. Needs no lock: the caller owns the chain. */
void pool_store(const struct vtpm_pages *pages, const uint8_t *from, uint32_t bytes);
void pool_load(const struct vtpm_pages *pages, uint8_t *to, uint32_t bytes);

/*
 * Takes contiguous pages of the queue pool, whose content is whatever was there. Returns false if there are not so
 * many.
 */
bool queue_pool_take(uint32_t pages, struct pa *out);
void queue_pool_give(struct pa queue, uint32_t pages);

#endif
