/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The service's core as its glue sees it: initialise once, then hand every call of the OEM range to vtpm_dispatch.
 */
#ifndef VTPM_SERVICE_H
#define VTPM_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "engine_abi.h"
#include "vtpm_abi.h"

/* VTPM_OK or one of VTPM_E_*: vtpm_abi.h is their only list. */
typedef int64_t vtpm_status;

enum vtpm_origin {
	VTPM_FROM_OTHER,      /* secure state */
	VTPM_FROM_HYPERVISOR, /* non-secure EL2, or an EL1 that is nobody's guest */
	VTPM_FROM_GUEST,      /* non-secure EL1 under stage 2 (HCR_EL2.VM or DC) */
};

/* Who called. vmid and stage2_base come from VTTBR_EL2 and mean something only for a guest. */
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

/* x0-x7 of the answer. What is not a documented result is zero in x1-x3, and as the caller left it from x4 on. */
struct vtpm_answer {
	uint64_t x[8];
};

/* NULL if the engine image is one this service can run; else the reason, for people. */
const char *vtpm_engine_check(const struct engine_header *header);

/* Takes the engine and the secure memory that the platform header gives into use. All of it is zero. */
void vtpm_service_init(const struct engine_header *header);

void vtpm_dispatch(const struct vtpm_call *call, struct vtpm_answer *answer);

/* The gate: may a guest reach this function identifier at EL3 at all? */
bool vtpm_gate_allows(uint32_t fid);

/* Fills `out` with entropy; 0, or 1 if the source failed or repeats itself (then nothing in `out` may be used). */
uint32_t vtpm_entropy_fill(uint8_t *out, uint32_t bytes);

#endif
