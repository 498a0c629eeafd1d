/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls into the service: what they mean is in engine_abi.h, what they are in libc/calls.S.
 */
#ifndef ENGINE_CALLS_H
#define ENGINE_CALLS_H

#include <stdint.h>

#include "engine_abi.h"

/* Returns 0, or anything else if the source failed. At most ENGINE_ENTROPY_MAX_BYTES at a time. */
uint64_t engine_call_entropy(uint8_t *out, uint64_t bytes);

/* `text` lies in the window: on the stack, in .data, .bss or the heap. */
void engine_call_log(const char *text);

_Noreturn void engine_call_fatal(uint64_t fault);

#endif
