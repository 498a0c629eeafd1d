/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever stands in a queue, and whatever a second CPU writes into it between two reads: no crash, no byte read twice
 * for one command, no write where the service has none to make, no request that the engine may not see, no code that
 * is not documented.
 *
 * Input: per doorbell, four bytes for START, HEAD, and how many words follow; then (offset, value) pairs that are
 * written before the doorbell, and after each read of it.
 */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "promise.h"

#define SLOTS 3

static struct instance instance;
static const uint8_t *input;
static size_t left;

void promise_add(struct promise *promise)
{
	(void)promise;
}

static uint32_t next(size_t bytes)
{
	uint32_t value = 0;

	if (left >= bytes) {
		memcpy(&value, input, bytes);
		input += bytes;
		left -= bytes;
	}
	return value;
}

static void must(bool promise, const char *what)
{
	if (!promise) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* Near what the service reads, mostly; anywhere in the queue, sometimes. */
static void scribble(void)
{
	static const uint32_t interesting[] = {
		VTPM_CRB_CTRL_START,
		VTPM_RING_HEAD,
		VTPM_RING_TAIL,
		VTPM_RING_SLOTS,
		VTPM_RING_ENTRIES,
		VTPM_RING_ENTRIES + VTPM_ENTRY_LENGTH,
		VTPM_RING_ENTRIES + VTPM_RING_ENTRY_BYTES,
		VTPM_RING_ENTRIES + VTPM_RING_ENTRY_BYTES + VTPM_ENTRY_LENGTH,
		VTPM_PAGE_BYTES,
		VTPM_PAGE_BYTES + 4,
		VTPM_PAGE_BYTES + 8,
	};
	uint32_t where = next(1);
	uint32_t offset = where < sizeof(interesting) / sizeof(interesting[0])
				  ? interesting[where]
				  : (where << 8 | next(1)) % (uint32_t)(instance.bytes - sizeof(uint32_t));
	uint32_t value = next(1);

	if (value == 0xff) {
		value = next(4);
	}
	memcpy(host_queue(instance.queue + offset), &value, sizeof(value));
}

static void other_cpu(uint64_t pa, size_t bytes)
{
	(void)pa;
	(void)bytes;
	if (left > 0 && (next(1) & 3) == 0) {
		scribble();
	}
}

static void ring_once(void)
{
	uint32_t words = next(1) % 16;
	int64_t status;

	host.after_queue_read = NULL;
	for (uint32_t i = 0; i < words; i++) {
		scribble();
	}
	control_write(&instance, VTPM_CRB_CTRL_START, next(1) & 1);
	control_write(&instance, VTPM_RING_HEAD, control_read(&instance, VTPM_RING_TAIL) + next(1) % (SLOTS + 2));
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if ((next(1) & 1) != 0) {
			control_write(&instance, VTPM_RING_ENTRIES + slot * VTPM_RING_ENTRY_BYTES, VTPM_SLOT_SUBMITTED);
			control_write(&instance, VTPM_RING_ENTRIES + slot * VTPM_RING_ENTRY_BYTES + VTPM_ENTRY_LENGTH,
				      next(1));
		}
	}
	host.after_queue_read = other_cpu;
	seen.request_bytes = 0;
	status = forward(&instance);
	must(status <= VTPM_OK && status >= VTPM_E_STALE_EPOCH, "the status is documented");
	must(seen.double_reads == 0, "each byte is read once");
	must(seen.stray_writes == 0, "nothing is written but results");
	must(seen.request_bytes <= ENGINE_BUFFER_BYTES, "the engine sees requests of a possible size");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	host_start();
	input = data;
	left = size;
	must(create(1, 0, SLOTS, 0, &instance) == VTPM_OK, "an instance can be created");
	while (left > 0) {
		ring_once();
	}
	return 0;
}
