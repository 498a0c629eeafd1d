/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the requirements of an instance say about its TPM: VTPM_PROFILE_* and VTPM_REQUIRE_* of vtpm_abi.h.
 */
#ifndef ENGINE_PROFILE_H
#define ENGINE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether there is a profile of this number. */
bool profile_is_known(uint32_t profile);

/* Configures a TPM that was just manufactured, by TPM commands. It takes effect at the next _TPM_Init. */
bool profile_apply(uint32_t profile);

/* Whether a guest may give this command. */
bool profile_allows(uint32_t profile, const uint8_t *command, uint32_t bytes);

/* Answers a command that the guest may not give. Returns the length of the response. */
uint32_t profile_refuse(uint8_t *response);

/* Whether the command is TPM2_Startup. */
bool profile_is_startup(const uint8_t *command, uint32_t bytes);

/*
 * If `started`, the response to TPM2_Startup, says that it succeeded, disables the platform hierarchy, which stays so
 * until the next one. Returns false if that fails.
 */
bool profile_close_platform(const uint8_t *started, uint32_t bytes);

#endif
