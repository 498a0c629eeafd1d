/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ENGINE_PROFILE_H
#define ENGINE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

bool profile_is_known(uint32_t profile);

/* Configures a TPM that was just manufactured, by TPM commands. In force after the next _TPM_Init. */
bool profile_apply(uint32_t profile);

#endif
