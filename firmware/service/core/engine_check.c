/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decides whether an engine image is one that this service can run. Everything else trusts the image's header after
 * this, so every address and size in it is checked here.
 */
#include <stddef.h>

#include "state.h"

#define ENGINE_LAST (VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES)
#define WINDOW_LAST (ENGINE_WINDOW_VA + ENGINE_WINDOW_BYTES)

/* True if [start, start + bytes) lies in [first, last). No argument makes it overflow. */
static bool inside(uint64_t start, uint64_t bytes, uint64_t first, uint64_t last)
{
	return start >= first && start <= last && bytes <= last - start;
}

static bool whole_pages(uint64_t start, uint64_t bytes)
{
	return start % VTPM_PAGE_BYTES == 0 && bytes % VTPM_PAGE_BYTES == 0 && bytes != 0;
}

static const char *check_code(const struct engine_header *header)
{
	if (!whole_pages(header->text_va, header->text_bytes) ||
	    !whole_pages(header->rodata_va, header->rodata_bytes)) {
		return "engine regions are not whole pages";
	}
	if (!inside(header->text_va, header->text_bytes, VTPM_ENGINE_PA, ENGINE_LAST) ||
	    !inside(header->rodata_va, header->rodata_bytes, VTPM_ENGINE_PA, ENGINE_LAST)) {
		return "engine regions are outside the engine's memory";
	}
	if (header->text_va < header->rodata_va + header->rodata_bytes &&
	    header->rodata_va < header->text_va + header->text_bytes) {
		return "engine code and constants overlap";
	}
	if (!inside(header->entry, sizeof(uint32_t), header->text_va, header->text_va + header->text_bytes) ||
	    header->entry % sizeof(uint32_t) != 0) {
		return "engine entry is outside its code";
	}
	if (!inside(header->calls_va, ENGINE_CALL_COUNT * ENGINE_CALL_STUB_BYTES, header->text_va,
		    header->text_va + header->text_bytes) ||
	    header->calls_va % sizeof(uint32_t) != 0) {
		return "engine calls are outside its code";
	}
	if (!inside(header->data_init_va, header->data_bytes, header->rodata_va,
		    header->rodata_va + header->rodata_bytes)) {
		return "engine initial data is outside its constants";
	}
	return NULL;
}

static const char *check_window(const struct engine_header *header)
{
	if (!inside(header->data_va, header->data_bytes, ENGINE_WINDOW_VA, header->guard_va) ||
	    !inside(header->mailbox_va, sizeof(struct engine_mailbox), ENGINE_WINDOW_VA, header->guard_va) ||
	    !inside(header->staging_va, header->staging_bytes, ENGINE_WINDOW_VA, header->guard_va)) {
		return "engine data, mailbox or staging is outside the window";
	}
	if (header->mailbox_va % sizeof(uint64_t) != 0) {
		return "engine mailbox is unaligned";
	}
	if (header->staging_bytes == 0 || header->staging_bytes > UINT32_MAX) {
		return "engine has no staging area";
	}
	if (!whole_pages(header->guard_va, VTPM_PAGE_BYTES) ||
	    !inside(header->guard_va, VTPM_PAGE_BYTES, ENGINE_WINDOW_VA, header->stack_top)) {
		return "engine guard page is not below its stack";
	}
	/* AAPCS64 section 6.4.5.1: the stack pointer must be a multiple of 16. */
	if (header->stack_top > WINDOW_LAST || header->stack_top % 16 != 0 ||
	    header->stack_top <= header->guard_va + VTPM_PAGE_BYTES) {
		return "engine stack is outside the window";
	}
	return NULL;
}

const char *vtpm_engine_check(const struct engine_header *header)
{
	const char *reason;

	if (header->magic != ENGINE_MAGIC) {
		return "no engine image (bad magic)";
	}
	if (header->abi_version != ENGINE_ABI_VERSION || header->header_bytes != sizeof(*header)) {
		return "engine ABI version differs";
	}
	reason = check_code(header);
	return reason != NULL ? reason : check_window(header);
}
