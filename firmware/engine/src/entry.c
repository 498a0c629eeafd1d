/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's only entry: takes the operation out of the mailbox, runs it, and returns its status. Also the ways out
 * of a call that do not return through its callers.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "engine_abi.h"
#include "entropy.h"
#include "heap.h"
#include "leave.h"
#include "profile.h"
#include "tpm.h"
#include "window.h"

/* The state image: this header, then libtpms' permanent state, then its volatile state. */
#define IMAGE_MAGIC 0x4D495456 /* "VTIM" */
#define IMAGE_VERSION 2

struct image_header {
	uint32_t magic;
	uint32_t version;
	uint32_t permanent_bytes;
	uint32_t volatile_bytes;
	uint32_t orderly; /* 1: the last command was TPM2_Shutdown */
};

__attribute__((section(".mailbox"))) struct engine_mailbox engine_mailbox;

/* The stack protector's canary, a new one in each fresh window. */
uintptr_t __stack_chk_guard;

/* In the window, whose memory is zero at first, so FRESH must be 0. SPENT: no call is possible any more. */
static enum { WINDOW_FRESH, WINDOW_RUNNING, WINDOW_SPENT } window;
static jmp_buf way_out;
static uint8_t *suspended_image;

/* OpenSSL's choice of implementations, and what it asks for: openssl/overlay/crypto/armcap.c. */
void OPENSSL_cpuid_setup(void);
void engine_processor(uint64_t *midr, uint64_t *isar0);

void engine_processor(uint64_t *midr, uint64_t *isar0)
{
	*midr = engine_mailbox.midr;
	*isar0 = engine_mailbox.isar0;
}

_Noreturn void engine_fatal(enum engine_fault fault)
{
	window = WINDOW_SPENT;
	engine_call_fatal(fault);
}

_Noreturn void engine_no_entropy(void)
{
	window = WINDOW_SPENT;
	longjmp(way_out, ENGINE_NO_ENTROPY);
}

static void open_window(uint8_t *heap_end)
{
	window = WINDOW_SPENT; /* until it runs */
	engine_entropy((uint8_t *)&__stack_chk_guard, sizeof(__stack_chk_guard));
	heap_open(engine_heap_start, heap_end);
	OPENSSL_cpuid_setup();
}

static enum engine_status manufacture(uint32_t profile)
{
	if (window != WINDOW_FRESH || !profile_is_known(profile)) {
		return ENGINE_BAD_ARGUMENT;
	}
	open_window(engine_heap_end);
	if (!tpm_manufacture(profile)) {
		return ENGINE_FATAL;
	}
	window = WINDOW_RUNNING;
	return ENGINE_OK;
}

static enum engine_status execute(struct engine_mailbox *mailbox)
{
	if (window != WINDOW_RUNNING || mailbox->request_bytes > sizeof(mailbox->request)) {
		return ENGINE_BAD_ARGUMENT;
	}
	if (!profile_allows(mailbox->profile, mailbox->request, mailbox->request_bytes)) {
		mailbox->response_bytes = profile_refuse(mailbox->response);
		return ENGINE_OK;
	}

	/* libtpms may write to a command. */
	bool closes = mailbox->platform_closed != 0 && profile_is_startup(mailbox->request, mailbox->request_bytes);

	mailbox->response_bytes = tpm_execute(mailbox->request, mailbox->request_bytes, mailbox->response);
	if (closes && !profile_close_platform(mailbox->response, mailbox->response_bytes)) {
		return ENGINE_FATAL;
	}
	return ENGINE_OK;
}

static enum engine_status suspend(struct engine_mailbox *mailbox)
{
	struct image_header header = {
		.magic = IMAGE_MAGIC,
		.version = IMAGE_VERSION,
		.orderly = tpm_is_orderly(),
	};

	if (window != WINDOW_RUNNING) {
		return ENGINE_BAD_ARGUMENT;
	}
	if (!tpm_serialise(sizeof(header), &suspended_image, &header.permanent_bytes, &header.volatile_bytes)) {
		window = WINDOW_SPENT;
		return ENGINE_FATAL;
	}
	memcpy(suspended_image, &header, sizeof(header));
	mailbox->image_va = (uintptr_t)suspended_image;
	mailbox->image_bytes = sizeof(header) + header.permanent_bytes + (uint64_t)header.volatile_bytes;
	return ENGINE_OK;
}

/*
 * Finds the parts of a staged image. Returns false if its header is not ours, or does not match its length; what is in
 * the parts, libtpms checks itself.
 */
static bool parse_image(const uint8_t *image, uint64_t bytes, struct tpm_state *state)
{
	struct image_header header;

	if (bytes < sizeof(header)) {
		return false;
	}
	memcpy(&header, image, sizeof(header));
	if (header.magic != IMAGE_MAGIC || header.version != IMAGE_VERSION ||
	    sizeof(header) + header.permanent_bytes + (uint64_t)header.volatile_bytes != bytes) {
		return false;
	}
	state->permanent = image + sizeof(header);
	state->permanent_bytes = header.permanent_bytes;
	state->volatile_state = state->permanent + header.permanent_bytes;
	state->volatile_bytes = header.volatile_bytes;
	state->orderly = header.orderly != 0;
	return true;
}

static enum engine_status resume(uint64_t image_bytes)
{
	struct tpm_state state;

	if (window != WINDOW_FRESH || image_bytes > (uintptr_t)engine_heap_end - (uintptr_t)engine_staging_start) {
		return ENGINE_BAD_ARGUMENT;
	}
	/* The heap ends below the staged image until libtpms has read it. */
	open_window(engine_staging_start);
	if (!parse_image(engine_staging_start, image_bytes, &state) || !tpm_resume(&state)) {
		return ENGINE_BAD_STATE;
	}
	memset(engine_staging_start, 0, image_bytes); /* secrets must not turn up in heap blocks */
	heap_extend(engine_heap_end);
	window = WINDOW_RUNNING;
	return ENGINE_OK;
}

static enum engine_status reset(struct engine_mailbox *mailbox)
{
	if (window != WINDOW_RUNNING) {
		return ENGINE_BAD_ARGUMENT;
	}
	if (!tpm_reset(mailbox->response)) {
		window = WINDOW_SPENT;
		return ENGINE_FATAL;
	}
	return ENGINE_OK;
}

static enum engine_status run(struct engine_mailbox *mailbox)
{
	/* An image is only good until the next call, and so is its memory. */
	free(suspended_image);
	suspended_image = NULL;

	switch (mailbox->op) {
	case ENGINE_MANUFACTURE:
		return manufacture(mailbox->profile);
	case ENGINE_EXECUTE:
		return execute(mailbox);
	case ENGINE_SUSPEND:
		return suspend(mailbox);
	case ENGINE_RESUME:
		return resume(mailbox->image_bytes);
	case ENGINE_RESET:
		return reset(mailbox);
	default:
		return ENGINE_BAD_ARGUMENT;
	}
}

uint32_t engine_entry(struct engine_mailbox *mailbox);

uint32_t engine_entry(struct engine_mailbox *mailbox)
{
	int left_with = setjmp(way_out); /* where engine_no_entropy() comes back to */

	if (left_with != 0) {
		return (uint32_t)left_with;
	}

	enum engine_status status = run(mailbox);

	mailbox->heap_bytes = heap_in_use();
	mailbox->heap_peak_bytes = heap_peak();
	return status;
}
