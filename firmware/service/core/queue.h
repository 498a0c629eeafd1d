/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue of one instance: CRB registers, ring and slots. The caller holds the instance's lock.
 */
#ifndef VTPM_QUEUE_H
#define VTPM_QUEUE_H

#include "state.h"

/* Scrubs the queue and writes its control page anew; the ring starts at zero. */
void queue_init(struct vtpm_instance *instance);

/* Scrubs the queue. */
void queue_zero(const struct vtpm_instance *instance);

/* Writes the addresses that follow from the IPA of BIND into the CRB registers. They are never read back. */
void queue_write_addresses(const struct vtpm_instance *instance);

/* Runs what the guest has submitted by now. VTPM_E_BAD_QUEUE, and nothing has run, if HEAD cannot be right. */
vtpm_status queue_run(struct vtpm_instance *instance);

/*
 * QUEUE_CHECK: VTPM_OK if every page of [va, va + bytes) translates to the queue's, for reading and for writing. Needs
 * no lock.
 */
vtpm_status queue_check(struct pa queue, uint32_t bytes, struct va va);

#endif
