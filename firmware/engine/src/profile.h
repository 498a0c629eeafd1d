/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Profiles of new TPMs: VTPM_PROFILE_* of vtpm_abi.h.
 */
#ifndef ENGINE_PROFILE_H
#define ENGINE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether there is a profile of this number. */
bool profile_is_known(uint32_t profile);

/* Configures a TPM that was just manufactured, by TPM commands. It takes effect at the next _TPM_Init. */
bool profile_apply(uint32_t profile);

#endif
