/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one TPM of this window: libtpms' life cycle. Every function returns false when libtpms refuses; the window is
 * then of no more use.
 */
#ifndef ENGINE_TPM_H
#define ENGINE_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tpm_state {
	const uint8_t *permanent;
	uint32_t permanent_bytes;
	const uint8_t *volatile_state;
	uint32_t volatile_bytes; /* 0: none, the TPM comes up as after _TPM_Init */
	bool orderly;            /* the last command was a TPM2_Shutdown that succeeded, or there was none */
};

/* Makes a TPM with new seeds and the PCR banks of the profile, ready for the guest's TPM2_Startup. */
bool tpm_manufacture(uint32_t profile);

/* Brings up the TPM that tpm_serialise() saved. The state is copied. */
bool tpm_resume(const struct tpm_state *state);

/*
 * Shuts the TPM down unless its last command has, then _TPM_Init (TPM 2.0 Library part 1, "TPM Operational States"):
 * volatile state is lost, permanent state kept. `response` is overwritten, with room for ENGINE_BUFFER_BYTES.
 */
bool tpm_reset(uint8_t *response);

/*
 * Executes a command of any content, which it may overwrite. `response` has room for ENGINE_BUFFER_BYTES; returns its
 * length. Does not return if libtpms fails.
 */
uint32_t tpm_execute(uint8_t *command, uint32_t command_bytes, uint8_t *response);

/* Returns whether the last command was a TPM2_Shutdown that succeeded, or there was none since _TPM_Init. */
bool tpm_is_orderly(void);

/* Writes all state into one buffer from the heap, which the caller frees, behind `prefix_bytes` left for the caller. */
bool tpm_serialise(size_t prefix_bytes, uint8_t **out, uint32_t *permanent_bytes, uint32_t *volatile_bytes);

#endif
