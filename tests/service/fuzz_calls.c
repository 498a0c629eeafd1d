/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any sequence of calls with any arguments from anyone: no crash, no undocumented code, no result in a register of a
 * call that failed; and whatever happened, destroying what is left gives everything back, scrubbed.
 *
 * Input: per call, one byte for the function, one for the caller, then one byte per argument that picks a value: a
 * small number, a handle given out before, an address, or raw bytes that follow.
 */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "promise.h"

#define REMEMBERED 32

static uint64_t handles[REMEMBERED];
static uint32_t remembered;
static const uint8_t *input;
static size_t left;

void promise_add(struct promise *promise)
{
	(void)promise;
}

static void must(bool promise, const char *what)
{
	if (!promise) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static uint64_t next(size_t bytes)
{
	uint64_t value = 0;

	if (left >= bytes) {
		memcpy(&value, input, bytes);
		input += bytes;
		left -= bytes;
	}
	return value;
}

static uint64_t argument(void)
{
	static const uint64_t addresses[] = {
		0x44000000, 0x45000000, VTPM_QUEUE_POOL_PA, VTPM_SECURE_POOL_PA, UINT64_MAX - 4095, UINT64_C(1) << 48,
	};
	uint8_t pick = (uint8_t)next(1);

	if (pick < 0x60) {
		return pick % 24;
	}
	if (pick < 0xd0) {
		return handles[pick % REMEMBERED];
	}
	return pick < 0xf0 ? addresses[pick % 6] : next(8);
}

static bool guest_tables(uint64_t va, bool write, uint64_t *pa)
{
	*pa = va;
	return !write || (va & VTPM_PAGE_BYTES) == 0;
}

static struct vtpm_caller caller(void)
{
	uint8_t pick = (uint8_t)next(1);

	if (pick < 0xc0) {
		return (struct vtpm_caller){.origin = VTPM_FROM_HYPERVISOR};
	}
	if (pick < 0xf0) {
		return guest_of(pick % 4, (pick & 4) != 0 ? 0x44000000 : 0x45000000);
	}
	return (struct vtpm_caller){.origin = VTPM_FROM_OTHER};
}

static bool has_status(uint64_t fid)
{
	return fid != VTPM_FID_VERSION && (fid & 0xFFFFFF00) != 0x8300FF00;
}

static void call_once(void)
{
	uint64_t pick = next(1);
	uint64_t fid = pick < 0xc0 ? VTPM_FID_VERSION + pick % 0x22 : pick < 0xe0 ? 0x8300FF00 + pick % 4 : next(4);
	const struct vtpm_caller who = caller();
	struct vtpm_answer answer;
	uint64_t arguments[7] = {0};
	int64_t status;

	for (int i = 0; i < 5; i++) {
		arguments[i] = argument();
	}
	status = call_from(&who, fid, arguments, &answer);
	if (!has_status(fid)) {
		return;
	}
	must(status <= VTPM_OK && status >= VTPM_E_STALE_EPOCH, "the status is documented");
	for (int x = 1; x < 8; x++) {
		must(status == VTPM_OK || answer.x[x] == (x < 4 ? 0 : arguments[x - 1]),
		     "a failed call has no results");
	}
	if (fid == VTPM_FID_CREATE && status == VTPM_OK) {
		handles[remembered++ % REMEMBERED] = answer.x[1];
	}
}

static void destroy_all(void)
{
	for (uint32_t i = 0; i < REMEMBERED; i++) {
		manage(VTPM_FID_DESTROY, handles[i], 0, 0, 0, 0, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t free_before;

	host_start();
	memset(handles, 0, sizeof(handles));
	remembered = 0;
	host.translate = guest_tables;
	free_before = limit(VTPM_LIMITS_INSTANCES, 4);
	input = data;
	left = size;
	while (left > 0 && remembered < REMEMBERED) {
		call_once();
	}
	destroy_all();
	must(limit(VTPM_LIMITS_INSTANCES, 2) == 0 && limit(VTPM_LIMITS_INSTANCES, 4) == free_before,
	     "destroying everything gives everything back");
	must(host_secrets_are_gone(), "windows and images are scrubbed");
	return 0;
}
