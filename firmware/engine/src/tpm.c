/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libtpms' life cycle: manufacture, execution, and state in and out. libtpms is a library for one TPM in one process,
 * which keeps its state in global variables and asks for storage by callbacks. The window stands in for the process,
 * and nothing is stored: all state lives in the window, and leaves it only by tpm_serialise().
 */
#include "tpm.h"

#include <stdlib.h>
#include <string.h>

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>

#include "engine_abi.h"
#include "leave.h"
#include "profile.h"

/* libtpms logs to a file descriptor; whatever its number, here it is the service's log (libc/process.c). */
enum { LOG_DESCRIPTOR = 2, LOG_ERRORS = 1 };

/*
 * libtpms offers its NV memory for storage after each change, and asks for it by name when it starts. Only one pair of
 * these matters here: manufacture stores the new TPM, and the start that follows at once loads it.
 */
static struct {
	bool wanted;
	uint8_t *data; /* from the heap */
	uint32_t bytes;
} manufactured;

/* Where a command and a response have their code, in network order (TPM 2.0 Library part 1, "Command/Response"). */
enum { CODE = 6, HEADER_BYTES = 10 };

/* TPM 2.0 Library part 2, tables 12 and 16; TPM_RC_SUCCESS is 0. */
enum { TPM_CC_SHUTDOWN = 0x145, TPM_RC_OK = 0 };

static bool disorderly; /* the last command was not a TPM2_Shutdown that succeeded */

static TPM_RESULT nvram_init(void)
{
	return TPM_SUCCESS;
}

static TPM_RESULT nvram_load(unsigned char **data, uint32_t *length, uint32_t tpm_number, const char *name)
{
	(void)tpm_number;
	(void)name;
	*data = manufactured.data;
	*length = manufactured.bytes;
	manufactured.data = NULL;
	return *data != NULL ? TPM_SUCCESS : TPM_RETRY;
}

static TPM_RESULT nvram_store(const unsigned char *data, uint32_t length, uint32_t tpm_number, const char *name)
{
	(void)tpm_number;
	(void)name;
	if (manufactured.wanted) {
		free(manufactured.data);
		manufactured.data = malloc(length);
		manufactured.bytes = length;
		memcpy(manufactured.data, data, length);
	}
	return TPM_SUCCESS;
}

static TPM_RESULT nvram_delete(uint32_t tpm_number, const char *name, TPM_BOOL must_exist)
{
	(void)tpm_number;
	(void)name;
	(void)must_exist;
	return TPM_SUCCESS;
}

static TPM_RESULT locality_zero(TPM_MODIFIER_INDICATOR *locality, uint32_t tpm_number)
{
	(void)tpm_number;
	*locality = 0;
	return TPM_SUCCESS;
}

static bool prepare(void)
{
	struct libtpms_callbacks callbacks = {
		.sizeOfStruct = sizeof(callbacks),
		.tpm_nvram_init = nvram_init,
		.tpm_nvram_loaddata = nvram_load,
		.tpm_nvram_storedata = nvram_store,
		.tpm_nvram_deletename = nvram_delete,
		.tpm_io_getlocality = locality_zero,
	};

	TPMLIB_SetDebugFD(LOG_DESCRIPTOR);
	TPMLIB_SetDebugLevel(LOG_ERRORS);
	return TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2) == TPM_SUCCESS &&
	       TPMLIB_RegisterCallbacks(&callbacks) == TPM_SUCCESS;
}

/* libtpms restarts a TPM by Terminate and MainInit, in between it forgets everything: the state goes around it. */
static bool init(void)
{
	unsigned char *permanent;
	uint32_t bytes;

	if (TPMLIB_GetState(TPMLIB_STATE_PERMANENT, &permanent, &bytes) != TPM_SUCCESS) {
		return false;
	}
	TPMLIB_Terminate();
	disorderly = false;

	bool set = TPMLIB_SetState(TPMLIB_STATE_PERMANENT, permanent, bytes) == TPM_SUCCESS;

	free(permanent);
	return set && TPMLIB_MainInit() == TPM_SUCCESS;
}

bool tpm_manufacture(uint32_t profile)
{
	if (!prepare()) {
		return false;
	}

	/* Without any state to load, libtpms manufactures a TPM. */
	manufactured.wanted = true;
	TPM_RESULT result = TPMLIB_MainInit();

	manufactured.wanted = false;
	free(manufactured.data);
	manufactured.data = NULL;

	/* The profile takes effect at the next _TPM_Init. */
	return result == TPM_SUCCESS && profile_apply(profile) && init();
}

bool tpm_resume(const struct tpm_state *state)
{
	if (!prepare() ||
	    TPMLIB_SetState(TPMLIB_STATE_PERMANENT, state->permanent, state->permanent_bytes) != TPM_SUCCESS) {
		return false;
	}
	if (state->volatile_bytes != 0 &&
	    TPMLIB_SetState(TPMLIB_STATE_VOLATILE, state->volatile_state, state->volatile_bytes) != TPM_SUCCESS) {
		return false;
	}
	disorderly = !state->orderly;
	return TPMLIB_MainInit() == TPM_SUCCESS;
}

static uint32_t code_of(const uint8_t *message)
{
	uint32_t code = 0;

	for (unsigned int i = 0; i < sizeof(code); i++) {
		code = code << 8U | message[CODE + i];
	}
	return code;
}

/*
 * A VM that is killed, or panics, sends no TPM2_Shutdown. For the TPM each such end could be an attempt to keep it from
 * recording a wrong authorisation, so it counts one against the lockout (part 1, "Dictionary Attack Protection"). Here
 * there is nothing to keep it from: commands and RESET of an instance never overlap. In failure mode, or before
 * TPM2_Startup, the TPM refuses, and there is nothing to shut down.
 */
static void shut_down(uint8_t *response)
{
	uint8_t command[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, TPM_CC_SHUTDOWN >> 8, TPM_CC_SHUTDOWN & 0xFF, 0, 0};
	unsigned char *out = response;
	uint32_t out_bytes = 0;
	uint32_t room = ENGINE_BUFFER_BYTES;

	TPMLIB_Process(&out, &out_bytes, &room, command, sizeof(command)); /* TPM_SU_CLEAR */
}

bool tpm_reset(uint8_t *response)
{
	if (disorderly) {
		shut_down(response);
	}
	return init();
}

bool tpm_is_orderly(void)
{
	return !disorderly;
}

uint32_t tpm_execute(uint8_t *command, uint32_t command_bytes, uint8_t *response)
{
	unsigned char *out = response;
	uint32_t out_bytes = 0;
	uint32_t room = ENGINE_BUFFER_BYTES;
	bool shutdown = command_bytes >= HEADER_BYTES && code_of(command) == TPM_CC_SHUTDOWN;

	/* libtpms keeps a buffer of this size in place; were it to allocate its own, the response would be lost. */
	if (TPMLIB_Process(&out, &out_bytes, &room, command, command_bytes) != TPM_SUCCESS || out != response ||
	    out_bytes > ENGINE_BUFFER_BYTES) {
		engine_fatal(ENGINE_FAULT_ABORT);
	}
	disorderly = !shutdown || out_bytes < HEADER_BYTES || code_of(response) != TPM_RC_OK;
	return out_bytes;
}

/* Never NULL: an exhausted heap ends the engine (libc/heap.c). */
static unsigned char *resized(unsigned char *buffer, size_t bytes)
{
	return realloc(buffer, bytes);
}

bool tpm_serialise(size_t prefix_bytes, uint8_t **out, uint32_t *permanent_bytes, uint32_t *volatile_bytes)
{
	unsigned char *image;
	unsigned char *volatile_state;

	/*
	 * libtpms hands out buffers for the worst case, a third of the heap each: shrink the first before the second.
	 */
	if (TPMLIB_GetState(TPMLIB_STATE_PERMANENT, &image, permanent_bytes) != TPM_SUCCESS) {
		return false;
	}
	image = resized(image, prefix_bytes + *permanent_bytes);
	memmove(image + prefix_bytes, image, *permanent_bytes);

	if (TPMLIB_GetState(TPMLIB_STATE_VOLATILE, &volatile_state, volatile_bytes) != TPM_SUCCESS) {
		free(image);
		return false;
	}
	volatile_state = resized(volatile_state, *volatile_bytes);
	image = resized(image, prefix_bytes + *permanent_bytes + *volatile_bytes);
	memcpy(image + prefix_bytes + *permanent_bytes, volatile_state, *volatile_bytes);
	free(volatile_state);
	*out = image;
	return true;
}
