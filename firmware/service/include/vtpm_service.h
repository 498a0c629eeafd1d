/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of the service as its glue sees it: initialise it once, then hand every call of the OEM range to
 * vtpm_dispatch.
 */
#ifndef VTPM_SERVICE_H
#define VTPM_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "engine_abi.h"
#include "vtpm_abi.h"

/* VTPM_OK or one of VTPM_E_*: vtpm_abi.h is their only list. Or, inside the core, VTPM_INTERRUPTED. */
typedef int64_t vtpm_status;

/* Work is left, but the caller's processor has an interrupt to take first. No caller ever sees it. */
#define VTPM_INTERRUPTED 1

/* All windows are at work, or parked. No caller ever sees it. */
#define VTPM_NO_WINDOW_FREE 2

enum vtpm_origin {
	VTPM_FROM_OTHER,      /* the secure world */
	VTPM_FROM_HYPERVISOR, /* non-secure EL2, or an EL1 that is nobody's guest */
	VTPM_FROM_GUEST,      /* non-secure EL1 under stage 2 (HCR_EL2.VM or DC) */
};

/* Who called. vmid and stage2_base are those of VTTBR_EL2; they mean something only if a guest has called. */
struct vtpm_caller {
	enum vtpm_origin origin;
	uint16_t vmid;
	struct pa stage2_base;
};

/* x0-x7 of the call, x[0] being the function identifier. */
struct vtpm_call {
	uint64_t x[8];
	struct vtpm_caller caller;
};

/*
 * x0-x7 of the answer. A register without a documented result is zero up to x3, and as the caller left it from x4 on.
 */
struct vtpm_answer {
	uint64_t x[8];
};

/* Returns NULL if this service can run the engine image with that header; else the reason, for people. */
const char *vtpm_engine_check(const struct engine_header *header);

/*
 * Starts using an engine that vtpm_engine_check has accepted, and the secure memory that vtpm_platform.h names. All of
 * that memory must be zero. Once, before any other CPU runs.
 */
void vtpm_service_init(const struct engine_header *header);

/*
 * Executes one call of the OEM range, on any CPU. Returns true and the answer; or false, and no answer, if the caller
 * shall take its pending interrupt and then make the very same call again, which goes on where this one has stopped.
 * Each call gets something done, so making it again and again comes to an end whatever is pending.
 */
bool vtpm_dispatch(const struct vtpm_call *call, struct vtpm_answer *answer);

/* The engine goes on behind an interrupt, in this window: passes on to it that its guest has cancelled the command. */
void vtpm_engine_goes_on(unsigned int window);

/* The gate: whether a guest may reach this function identifier at EL3 at all. */
bool vtpm_gate_allows(uint32_t fid);

/*
 * Answers call `number` of the engine that runs in `window`, on the CPU where it runs; `x` are its x0 and x1. Returns
 * true if the engine goes on with `result` in x0, or false if its run has ended with the status in `result`.
 */
bool vtpm_engine_call(unsigned int window, uint64_t number, const uint64_t x[2], uint64_t *result);

/*
 * Tests the source, which must be there. Once, before the first request; a source that fails is tested again by each.
 */
void vtpm_entropy_start(void);

/*
 * Fills `out` with entropy. Returns 0, or 1 if the source failed, or what it gave failed a test; `out` then holds
 * nothing usable.
 */
uint32_t vtpm_entropy_fill(uint8_t *out, uint32_t bytes);

#endif
