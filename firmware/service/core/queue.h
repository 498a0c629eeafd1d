/* SPDX-License-Identifier: BSD-3-Clause */
/* The queue of one instance: CRB register block, ring and slots. The caller holds the instance's lock. */
#ifndef VTPM_QUEUE_H
#define VTPM_QUEUE_H

#include "state.h"

/* Scrubs the queue and lays out its control page. */
void queue_init(struct vtpm_instance *instance);

/* Writes the guest-physical addresses that BIND gave into the CRB registers. They are never read back. */
void queue_write_addresses(const struct vtpm_instance *instance);

/* Runs everything the guest has submitted. */
vtpm_status queue_run(struct vtpm_instance *instance);

/* QUEUE_CHECK: every page of [va, va + bytes) translates to the queue, for reading and for writing. */
vtpm_status queue_check(struct pa queue, uint32_t bytes, struct va va);

#endif
