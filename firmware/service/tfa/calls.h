/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of the service that can be parked: each has a stack and the engine's registers of its own, in the secure pool.
 */
#ifndef VTPM_CALLS_H
#define VTPM_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox.h"

struct call;

/* Makes all places for calls free. Once. */
void calls_init(void);

/* Returns the call that runs on this CPU, or NULL. */
struct call *calls_current(void);

/* Where the engine's registers of a call are. */
struct sandbox_frame *calls_frame(struct call *call);

/*
 * True if whoever runs the call is told when it is parked, or would take an interrupt before it executed its SMC again.
 * If it would not, it must not be sent back: the interrupt would stay pending, and the call would never get anywhere.
 */
bool calls_may_park(const struct call *call);

/*
 * Parks the call that runs on this CPU. Returns when somebody goes on with it, perhaps on another CPU: true; or false
 * if it is to end without a result.
 */
bool calls_park(struct call *call);

/* True if a call is to end without a result, since its instance is being destroyed. */
bool calls_abandoned(const struct call *call);

#endif
