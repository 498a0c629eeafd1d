/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers of a run of the engine, and those of others for which it takes the place. sandbox.h has the offsets.
 */
#ifndef VTPM_SANDBOX_FRAME_H
#define VTPM_SANDBOX_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "sandbox.h"

#define ENGINE_REGISTERS 31

/* What sandbox_switch.S saves and loads. sandbox.h gives it the offsets. */
struct sandbox_frame {
	uint64_t x[ENGINE_REGISTERS];
	uint64_t sp;
	uint64_t pc;
	uint64_t pstate;
	uint64_t stopped;
	uint64_t esr;
	uint64_t serror; /* the syndrome of an SError that came late; else 0 */
	uint64_t started;
	uint64_t ended;
	uint64_t vectors;
	uint64_t el3[12];
	uint64_t el3_sp0;
	uint64_t el3_spx;
	uint64_t el3_vbar;
	uint64_t el3_daif;
	uint64_t caller[FRAME_CALLER_REGISTERS];
	uint64_t q[64];
	uint64_t kept[8]; /* of the engine, while its call is parked */
	uint64_t kept_q[64];
} __attribute__((aligned(16))); /* SP_EL3 points at it */

#define IS_AT(field, offset)                                                                                           \
	_Static_assert(offsetof(struct sandbox_frame, field) == (offset), "sandbox.h knows the frame")

IS_AT(x, FRAME_X);
IS_AT(sp, FRAME_SP);
IS_AT(pc, FRAME_PC);
IS_AT(pstate, FRAME_PSTATE);
IS_AT(stopped, FRAME_STOPPED);
IS_AT(esr, FRAME_ESR);
IS_AT(serror, FRAME_SERROR);
IS_AT(started, FRAME_STARTED);
IS_AT(ended, FRAME_ENDED);
IS_AT(vectors, FRAME_VECTORS);
IS_AT(el3, FRAME_EL3);
IS_AT(el3_sp0, FRAME_EL3_SP0);
IS_AT(el3_spx, FRAME_EL3_SPX);
IS_AT(el3_vbar, FRAME_EL3_VBAR);
IS_AT(el3_daif, FRAME_EL3_DAIF);
IS_AT(caller, FRAME_CALLER);
IS_AT(q, FRAME_Q);
IS_AT(kept, FRAME_KEPT);
IS_AT(kept_q, FRAME_KEPT_Q);
_Static_assert(sizeof(struct sandbox_frame) == FRAME_BYTES, "sandbox.h knows the frame");

#undef IS_AT

#endif
