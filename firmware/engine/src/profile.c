/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Profiles: which PCR banks a TPM has, and whether its guest has the platform hierarchy.
 *
 * The banks of a new TPM are set by a TPM command, TPM2_PCR_Allocate. It needs platform authorisation, whose value is
 * empty between manufacture and the guest's first command. The guest's own TPM2_PCR_Allocate is refused, as a command
 * that this TPM does not have, unless the profile leaves the choice of banks to the guest.
 */
#include "profile.h"

#include <string.h>

#include "engine_abi.h"
#include "tpm.h"
#include "vtpm_abi.h"

/* A big-endian number, as TPM structures hold it. */
#define BE16(value) (uint8_t)((value) >> 8), (uint8_t)(value)
#define BE32(value) BE16((value) >> 16), BE16(value)

/* TPM 2.0 Library part 2: tables 19 (tags), 12 (command codes), 28 (permanent handles), 9 (algorithms). */
#define TPM_ST_NO_SESSIONS 0x8001
#define TPM_ST_SESSIONS 0x8002
#define TPM_CC_HIERARCHY_CONTROL 0x121
#define TPM_CC_PCR_ALLOCATE 0x12B
#define TPM_CC_STARTUP 0x144
#define TPM_CC_SHUTDOWN 0x145
#define TPM_SU_CLEAR 0x0000
#define TPM_RC_COMMAND_CODE 0x143
#define NO 0
#define TPM_RS_PW 0x40000009
#define TPM_RH_PLATFORM 0x4000000C
#define TPM_ALG_SHA1 0x0004
#define TPM_ALG_SHA256 0x000B
#define TPM_ALG_SHA384 0x000C
#define TPM_ALG_SHA512 0x000D

/* TPMS_PCR_SELECTION: part 2, table 94. All 24 PCRs of a bank, or none. */
#define BANK(algorithm, on) BE16(algorithm), 3, (on) ? 0xFF : 0, (on) ? 0xFF : 0, (on) ? 0xFF : 0

enum {
	BANKS = 4,
	BANK_BYTES = 6,
	PASSWORD_AUTH_BYTES = 9,
	STARTUP_BYTES = VTPM_TPM_HEADER_BYTES + 2,
	ALLOCATE_BYTES = VTPM_TPM_HEADER_BYTES + 4 + 4 + PASSWORD_AUTH_BYTES + 4 + BANKS * BANK_BYTES,
	CONTROL_BYTES = VTPM_TPM_HEADER_BYTES + 4 + 4 + PASSWORD_AUTH_BYTES + 4 + 1,
	CODE = 6,                                       /* of a command, and of a response */
	ALLOCATION_SUCCESS = VTPM_TPM_HEADER_BYTES + 4, /* TPM2_PCR_Allocate's; a parameter size stands before it */
};

#define POWER_COMMAND(code)                                                                                            \
	{                                                                                                              \
		BE16(TPM_ST_NO_SESSIONS), BE32(STARTUP_BYTES), BE32(code), BE16(TPM_SU_CLEAR)                          \
	}

#define ALLOCATE_COMMAND(sha1, sha256, sha384, sha512)                                                                 \
	{                                                                                                              \
		BE16(TPM_ST_SESSIONS), BE32(ALLOCATE_BYTES), BE32(TPM_CC_PCR_ALLOCATE), BE32(TPM_RH_PLATFORM),         \
			BE32(PASSWORD_AUTH_BYTES), BE32(TPM_RS_PW), BE16(0), 0, BE16(0), BE32(BANKS),                  \
			BANK(TPM_ALG_SHA1, sha1), BANK(TPM_ALG_SHA256, sha256), BANK(TPM_ALG_SHA384, sha384),          \
			BANK(TPM_ALG_SHA512, sha512)                                                                   \
	}

static const uint8_t startup[STARTUP_BYTES] = POWER_COMMAND(TPM_CC_STARTUP);
static const uint8_t shutdown[STARTUP_BYTES] = POWER_COMMAND(TPM_CC_SHUTDOWN);
static const uint8_t allocate[VTPM_PROFILE_COUNT][ALLOCATE_BYTES] = {
	[VTPM_PROFILE_DEFAULT] = ALLOCATE_COMMAND(true, true, true, true),
	[VTPM_PROFILE_SHA256] = ALLOCATE_COMMAND(false, true, false, false),
	[VTPM_PROFILE_SHA384] = ALLOCATE_COMMAND(false, false, true, false),
};

static const uint8_t close[CONTROL_BYTES] = {
	BE16(TPM_ST_SESSIONS),
	BE32(CONTROL_BYTES),
	BE32(TPM_CC_HIERARCHY_CONTROL),
	BE32(TPM_RH_PLATFORM),
	BE32(PASSWORD_AUTH_BYTES),
	BE32(TPM_RS_PW),
	BE16(0),
	0,
	BE16(0),
	BE32(TPM_RH_PLATFORM),
	NO,
};
static const uint8_t unknown_command[VTPM_TPM_HEADER_BYTES] = {
	BE16(TPM_ST_NO_SESSIONS),
	BE32(VTPM_TPM_HEADER_BYTES),
	BE32(TPM_RC_COMMAND_CODE),
};

/* Executes a command; `response` has room for ENGINE_BUFFER_BYTES. Returns whether the answer is TPM_RC_SUCCESS. */
static bool succeeds(const uint8_t *command, uint32_t bytes, uint8_t *response)
{
	static const uint8_t success[] = {BE32(0)};
	uint8_t copy[ALLOCATE_BYTES]; /* libtpms may write to a command */

	memcpy(copy, command, bytes);
	return tpm_execute(copy, bytes, response) >= VTPM_TPM_HEADER_BYTES &&
	       memcmp(response + CODE, success, sizeof(success)) == 0;
}

bool profile_is_known(uint32_t profile)
{
	return profile < VTPM_PROFILE_COUNT;
}

bool profile_apply(uint32_t profile)
{
	uint8_t response[ENGINE_BUFFER_BYTES];

	return succeeds(startup, sizeof(startup), response) &&
	       succeeds(allocate[profile], sizeof(allocate[profile]), response) && response[ALLOCATION_SUCCESS] == 1 &&
	       succeeds(shutdown, sizeof(shutdown), response);
}

static bool has_code(const uint8_t *message, uint32_t bytes, uint32_t code)
{
	const uint8_t expected[] = {BE32(code)};

	return bytes >= VTPM_TPM_HEADER_BYTES && memcmp(message + CODE, expected, sizeof(expected)) == 0;
}

bool profile_allows(uint32_t profile, const uint8_t *command, uint32_t bytes)
{
	return profile == VTPM_PROFILE_DEFAULT || !has_code(command, bytes, TPM_CC_PCR_ALLOCATE);
}

uint32_t profile_refuse(uint8_t *response)
{
	memcpy(response, unknown_command, sizeof(unknown_command));
	return sizeof(unknown_command);
}

bool profile_is_startup(const uint8_t *command, uint32_t bytes)
{
	return has_code(command, bytes, TPM_CC_STARTUP);
}

bool profile_close_platform(const uint8_t *started, uint32_t bytes)
{
	uint8_t response[ENGINE_BUFFER_BYTES];

	return !has_code(started, bytes, 0) || succeeds(close, sizeof(close), response);
}
