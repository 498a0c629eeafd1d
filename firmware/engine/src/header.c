/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header at the start of the image: it tells the service where the linker script has put everything.
 */
#include <stddef.h>
#include <stdint.h>

#include "engine_abi.h"

/* Linker script symbols: addresses, or sizes written as addresses. */
extern const char engine_text_start[], engine_text_bytes[], engine_rodata_start[], engine_rodata_bytes[];
extern const char engine_data_load[], engine_data_start[], engine_data_bytes[];
extern const char engine_guard_start[], engine_stack_top[], engine_staging_start[], engine_staging_bytes[];
extern struct engine_mailbox engine_mailbox;

extern const char engine_calls[];

uint32_t engine_entry(struct engine_mailbox *mailbox);

_Static_assert(sizeof(struct engine_header) == 128, "the service reads this header; see engine_abi.h");

__attribute__((section(".engine_header"), used)) const struct engine_header engine_header = {
	.magic = ENGINE_MAGIC,
	.abi_version = ENGINE_ABI_VERSION,
	.header_bytes = sizeof(struct engine_header),
	.text_va = (uintptr_t)engine_text_start,
	.text_bytes = (uintptr_t)engine_text_bytes,
	.rodata_va = (uintptr_t)engine_rodata_start,
	.rodata_bytes = (uintptr_t)engine_rodata_bytes,
	.data_init_va = (uintptr_t)engine_data_load,
	.data_va = (uintptr_t)engine_data_start,
	.data_bytes = (uintptr_t)engine_data_bytes,
	.guard_va = (uintptr_t)engine_guard_start,
	.stack_top = (uintptr_t)engine_stack_top,
	.mailbox_va = (uintptr_t)&engine_mailbox,
	.staging_va = (uintptr_t)engine_staging_start,
	.staging_bytes = (uintptr_t)engine_staging_bytes,
	.entry = (uintptr_t)engine_entry,
	.calls_va = (uintptr_t)engine_calls,
};
