/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate between guests and EL3. A hypervisor that lets its guests' SMCs through (HCR_EL2.TSC = 0) must not thereby
 * let them power off the board, so a guest reaches only the guest calls of this service and the SMCCC architecture
 * calls. PSCI it does by HVC, which the hypervisor answers.
 */
#include "vtpm_service.h"

/* SMCCC (Arm DEN0028) section 6.1: owner 0, fast calls, 32-bit convention. */
#define SMCCC_ARCH_FIRST 0x80000000
#define SMCCC_ARCH_LAST 0x8000FFFF

bool vtpm_gate_allows(uint32_t fid)
{
	return (fid >= SMCCC_ARCH_FIRST && fid <= SMCCC_ARCH_LAST) || fid == VTPM_FID_VERSION ||
	       fid == VTPM_FID_QUEUE_CHECK || (fid >= VTPM_FID_DOORBELL && fid <= VTPM_FID_DOORBELL + VTPM_MAX_INDEX);
}
