/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's calls into the service, as functions: arguments and result are where AAPCS64 has them, so each is SVC and
 * RET. They stand in one table, by number, in places of one size; so a loader that is no EL3 service, such as
 * host/loader.c, can put jumps there. The entry is called with X30 at the first one, so that its RET leaves the engine.
 */
#include "engine_abi.h"

	.section .text.engine_calls, "ax"

	.macro	call name, number
	.balign	ENGINE_CALL_STUB_BYTES
	.global	\name
	.type	\name, %function
\name:
	svc	#\number
	ret
	.size	\name, . - \name
	.endm

	.balign	ENGINE_CALL_STUB_BYTES
	.global	engine_calls
engine_calls:
	call	engine_call_leave, ENGINE_CALL_LEAVE
	call	engine_call_entropy, ENGINE_CALL_ENTROPY
	call	engine_call_log, ENGINE_CALL_LOG
	call	engine_call_fatal, ENGINE_CALL_FATAL
	.balign	ENGINE_CALL_STUB_BYTES

	.section .note.GNU-stack, "", %progbits
