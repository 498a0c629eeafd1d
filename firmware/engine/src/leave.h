/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways out of the engine other than returning. Whatever the engine was doing is abandoned half-way, so its window must
 * be discarded afterwards.
 */
#ifndef ENGINE_LEAVE_H
#define ENGINE_LEAVE_H

#include "engine_abi.h"

/* Ends the entry call with ENGINE_FATAL. Goes by way of the service, which also logs the fault. */
_Noreturn void engine_fatal(enum engine_fault fault);

/* Ends the entry call with ENGINE_NO_ENTROPY. */
_Noreturn void engine_no_entropy(void);

#endif
