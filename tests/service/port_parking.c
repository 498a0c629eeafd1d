/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port's calls that can be parked, on the host: what firmware/service/tfa/calls.c does, on a single CPU.
 */
#include <string.h>
#include <ucontext.h>

#include "host.h"

#define HOST_CALLS 12
#define HOST_STACK_BYTES 65536

struct host_call {
	enum { CALL_FREE, CALL_RUNNING, CALL_PARKED, CALL_KEPT } place;
	ucontext_t inside;
	ucontext_t outside;
	vtpm_function *function;
	struct vtpm_call request;
	struct vtpm_answer answer;
	vtpm_status status;
	uint32_t holds[PORT_HANDS];
	bool done;
	bool abandoned;
	_Alignas(16) uint8_t stack[HOST_STACK_BYTES];
};

static struct host_call calls[HOST_CALLS];
static struct host_call *current;

void host_forget_calls(void)
{
	memset(calls, 0, sizeof(calls));
}

bool host_can_park(void)
{
	return current != NULL;
}

bool host_call_is_abandoned(void)
{
	return current != NULL && current->abandoned;
}

static void begin_call(void)
{
	struct host_call *call = current;

	call->status = call->function(&call->request, &call->answer);
	call->done = true;
}

static bool run_call(struct host_call *call)
{
	current = call;
	call->place = CALL_RUNNING;
	swapcontext(&call->outside, &call->inside);
	current = NULL;
	call->place = call->done ? CALL_FREE : CALL_PARKED;
	return call->done;
}

static struct host_call *free_call(void)
{
	struct host_call *call = calls;

	while (call->place != CALL_FREE) {
		call++;
	}
	return call;
}

/* Prepares a context apart from where a call is chosen: the compiler expects getcontext() to return twice. */
static void lay_out(struct host_call *call)
{
	getcontext(&call->inside);
	call->inside.uc_stack.ss_sp = call->stack;
	call->inside.uc_stack.ss_size = sizeof(call->stack);
	call->inside.uc_link = &call->outside;
	makecontext(&call->inside, begin_call, 0);
}

/* A function that will not be parked runs on the stack that it was called on, so that CPUs can race. */
vtpm_status port_call(vtpm_function *function, const struct vtpm_call *request, enum port_caller caller,
		      struct vtpm_answer *answer)
{
	struct host_call *call;

	(void)caller;
	if (host.parks == 0 && host.breaths == 0) {
		return function(request, answer);
	}
	call = free_call();
	call->function = function;
	call->request = *request;
	call->answer = (struct vtpm_answer){0};
	call->done = false;
	call->abandoned = false;
	call->holds[PORT_OWN] = PORT_NO_INSTANCE;
	call->holds[PORT_OTHER] = PORT_NO_INSTANCE;
	lay_out(call);
	if (!run_call(call)) {
		return VTPM_INTERRUPTED;
	}
	memcpy(&answer->x[1], &call->answer.x[1], (PORT_RESULTS - 1) * sizeof(answer->x[0]));
	return call->status;
}

static bool has_claimed(const struct host_call *call, uint32_t instance)
{
	return call->holds[PORT_OWN] == instance || call->holds[PORT_OTHER] == instance;
}

void port_hold(enum port_hand hand, uint32_t instance)
{
	if (current != NULL) {
		current->holds[hand] = instance;
	}
}

bool port_is_parked(uint32_t instance)
{
	for (struct host_call *call = calls; call < calls + HOST_CALLS; call++) {
		if (call->place == CALL_PARKED && has_claimed(call, instance)) {
			return true;
		}
	}
	return false;
}

enum port_progress port_continue(uint32_t instance, enum port_caller caller, struct port_finished *out)
{
	for (struct host_call *call = calls; call < calls + HOST_CALLS; call++) {
		if (call->place != CALL_PARKED || (instance != PORT_ANY_INSTANCE && !has_claimed(call, instance))) {
			continue;
		}
		if (caller == PORT_ABANDONS && call->holds[PORT_OWN] != instance) {
			caller = PORT_CALLS_AGAIN;
		}
		if (host.masked && caller == PORT_CALLS_AGAIN) {
			return PORT_NOTHING_PARKED;
		}
		call->abandoned = caller == PORT_ABANDONS;
		if (!run_call(call)) {
			return PORT_PARKED_AGAIN;
		}
		*out = (struct port_finished){
			(uint32_t)(call - calls), call->holds[PORT_OWN], &call->request, &call->answer, call->status,
			call->abandoned,
		};
		return PORT_FINISHED;
	}
	return PORT_NOTHING_PARKED;
}

void port_end(uint32_t number, bool keep)
{
	calls[number].place = keep ? CALL_KEPT : CALL_FREE;
}

bool port_kept(const struct vtpm_call *request, vtpm_status *status, struct vtpm_answer *answer)
{
	for (struct host_call *call = calls; call < calls + HOST_CALLS; call++) {
		if (call->place == CALL_KEPT && memcmp(&call->request, request, sizeof(*request)) == 0) {
			call->place = CALL_FREE;
			memcpy(&answer->x[1], &call->answer.x[1], (PORT_RESULTS - 1) * sizeof(answer->x[0]));
			*status = call->status;
			return true;
		}
	}
	return false;
}

void port_forget(uint32_t instance)
{
	for (struct host_call *call = calls; call < calls + HOST_CALLS; call++) {
		if (call->place == CALL_KEPT && call->holds[PORT_OWN] == instance) {
			call->place = CALL_FREE;
		}
	}
}

void host_park(void)
{
	struct host_call *call = current;

	swapcontext(&call->inside, &call->outside);
}

void port_breathe(void)
{
	if (current != NULL && host.breaths > 0 && !host.masked) {
		host.breaths -= host.breaths != UINT32_MAX;
		host_park();
	}
}
