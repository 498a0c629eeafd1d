/* SPDX-License-Identifier: BSD-3-Clause */
/* The pages of the secure pool (state images) and of the queue pool. Call under the table lock unless it says
 * otherwise. */
#ifndef VTPM_POOL_H
#define VTPM_POOL_H

#include "state.h"

void pool_init(void);

/* Appends `count` zeroed pages to the chain, or nothing and false. */
bool pool_take(struct vtpm_pages *pages, uint32_t count);

/* Zeroes the pages of a chain. Needs no lock: the caller owns the chain. */
void pool_scrub(const struct vtpm_pages *pages);

/* Gives back all but the first `keep` pages of a scrubbed chain. */
void pool_give(struct vtpm_pages *pages, uint32_t keep);

/* Copies between a chain and contiguous secure memory. Needs no lock: the caller owns the chain. */
void pool_store(const struct vtpm_pages *pages, const uint8_t *from, uint32_t bytes);
void pool_load(const struct vtpm_pages *pages, uint8_t *to, uint32_t bytes);

/* Contiguous pages of the queue pool, or false. */
bool queue_pool_take(uint32_t pages, struct pa *out);
void queue_pool_give(struct pa queue, uint32_t pages);

#endif
