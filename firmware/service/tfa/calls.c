/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parked calls: what becomes of a call of the service when the normal world needs its CPU.
 *
 * A call that runs the engine does so on a stack of its own. If an interrupt comes meanwhile, the stack is left as it
 * is, and the CPU goes back to its caller, which takes the interrupt and then executes its SMC again. That SMC finds
 * that an instance is in somebody's hands, and goes on with whatever is parked there (core/dispatch.c), on whichever
 * CPU it is. So a parked call holds its instance's lock and its window, and nothing of any CPU: that CPU may even be
 * switched off.
 *
 * A place in the table is free, running on one CPU, or parked; or it keeps the answer to a call that somebody else has
 * finished, until its caller calls again. Only who has made it running touches it. Parked calls and kept answers are
 * looked for, so those states come and go under a lock; who just needs a place does not wait for anybody.
 */
#include <stddef.h>

#include <arch_helpers.h>
#include <context.h>
#include <lib/el3_runtime/context_mgmt.h>

#include "calls.h"
#include "lock.h"
#include "sandbox_frame.h"
#include "vtpm_platform.h"
#include "vtpm_port.h"

#define STACK_BYTES 4096
#define CALL_BYTES 8192

/* Of a stack, what calls_switch keeps: x29, x30, x19-x28. */
#define KEPT_WORDS 12
#define KEPT_LINK 1
#define KEPT_X19 2

/* Arm DDI 0487, HCR_EL2: IMO and TGE route interrupts of EL1 and EL0 to EL2. SPSR_EL3: I, and ALLINT of FEAT_NMI. */
#define HCR_IMO (UINT64_C(1) << 4)
#define HCR_TGE (UINT64_C(1) << 27)
#define SPSR_I (UINT64_C(1) << 7)
#define SPSR_ALLINT (UINT64_C(1) << 13)
#define SPSR_AARCH32 (UINT64_C(1) << 4)

enum place { FREE, RUNNING, PARKED, KEPT };

struct call {
	uint8_t stack[STACK_BYTES];
	struct sandbox_frame frame;
	uint64_t inner; /* the stack pointer of the call while it is parked */
	uint64_t outer; /* that of whoever runs it, while it runs */
	vtpm_function *function;
	struct vtpm_call request;
	struct vtpm_answer answer;
	vtpm_status status;
	enum place place;
	uint32_t holds[PORT_HANDS];
	uint64_t since; /* parked calls are older the smaller it is; 0: it has never been parked */
	bool done;
	bool abandoned;
	bool told; /* whoever runs it learns that it is parked */
};

_Static_assert(sizeof(struct call) <= CALL_BYTES, "a call has its place");
_Static_assert(VTPM_CALLS_PA + VTPM_CALL_COUNT * CALL_BYTES <= VTPM_TABLES_PA + VTPM_TABLES_BYTES,
	       "all calls have theirs, behind the tables");
_Static_assert(VTPM_CALLS_PA % CALL_BYTES == 0, "an address in a stack leads to its call");
_Static_assert(VTPM_CALL_COUNT > VTPM_WINDOW_COUNT, "while all windows are parked, some calls can still run");

static struct vtpm_table_lock lock;
static uint64_t parked_so_far;
static uint32_t kept_answers;

void calls_switch(uint64_t *leave, uint64_t enter);
void calls_begin(void);
void calls_body(struct call *call) __attribute__((noreturn));

static struct call *call_at(uint32_t number)
{
	return (struct call *)(VTPM_CALLS_PA + (uintptr_t)number * CALL_BYTES);
}

static enum place place_of(const struct call *call)
{
	return __atomic_load_n(&call->place, __ATOMIC_ACQUIRE);
}

/* Release: whoever finds it there sees all that was done to the call before. */
static void put(struct call *call, enum place place)
{
	__atomic_store_n(&call->place, place, __ATOMIC_RELEASE);
}

/* A call in a free place has never been parked: take_parked, which does not own it, relies on that. */
static void set_free(struct call *call)
{
	call->since = 0;
	put(call, FREE);
}

void calls_init(void)
{
	for (uint32_t number = 0; number < VTPM_CALL_COUNT; number++) {
		set_free(call_at(number));
	}
}

/* By the stack: nothing that is noted for a CPU could be out of date. */
struct call *calls_current(void)
{
	uintptr_t place = (uintptr_t)__builtin_frame_address(0);

	if (place < VTPM_CALLS_PA || place >= VTPM_CALLS_PA + VTPM_CALL_COUNT * CALL_BYTES) {
		return NULL;
	}
	return (struct call *)(place & ~(uintptr_t)(CALL_BYTES - 1));
}

struct sandbox_frame *calls_frame(struct call *call)
{
	return &call->frame;
}

static bool takes_interrupts(void)
{
	uint64_t spsr = read_ctx_reg(get_el3state_ctx(cm_get_context(NON_SECURE)), CTX_SPSR_EL3);
	bool at_el2 = (spsr & SPSR_AARCH32) != 0 ? GET_M32(spsr) == MODE32_hyp : GET_EL(spsr) == MODE_EL2;
	bool to_el2 = (read_hcr_el2() & (HCR_IMO | HCR_TGE)) != 0;
	bool masked = (spsr & SPSR_I) != 0 || ((spsr & SPSR_AARCH32) == 0 && (spsr & SPSR_ALLINT) != 0);

	return at_el2 == to_el2 ? !masked : to_el2;
}

bool calls_may_park(const struct call *call)
{
	return call->told || takes_interrupts();
}

bool calls_park(struct call *call)
{
	calls_switch(&call->inner, call->outer);
	return !call->abandoned;
}

bool calls_abandoned(const struct call *call)
{
	return call->abandoned;
}

void port_breathe(void)
{
	struct call *call = calls_current();

	if (call != NULL && port_interrupt_pending() && calls_may_park(call)) {
		calls_park(call);
	}
}

void port_hold(enum port_hand hand, uint32_t instance)
{
	struct call *call = calls_current();

	if (call != NULL) {
		call->holds[hand] = instance;
	}
}

/* On the call's own stack. */
void calls_body(struct call *call)
{
	call->status = call->function(&call->request, &call->answer);
	call->done = true;
	calls_switch(&call->inner, call->outer);
	panic(); /* nobody goes on with a call that is done */
}

/* Under the lock. */
static void forget(struct call *call)
{
	kept_answers--;
	set_free(call);
}

static bool take(struct call *call)
{
	enum place expected = FREE;

	return __atomic_compare_exchange_n(&call->place, &expected, RUNNING, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Forgets the oldest answer that nobody has come for. False: there is none. */
static bool forget_oldest(void)
{
	struct call *oldest = NULL;

	table_lock(&lock);
	for (uint32_t number = 0; number < VTPM_CALL_COUNT; number++) {
		struct call *call = call_at(number);

		if (place_of(call) == KEPT && (oldest == NULL || call->since < oldest->since)) {
			oldest = call;
		}
	}
	if (oldest != NULL) {
		forget(oldest);
	}
	table_unlock(&lock);
	return oldest != NULL;
}

static struct call *take_free(void)
{
	do {
		for (uint32_t number = 0; number < VTPM_CALL_COUNT; number++) {
			if (take(call_at(number))) {
				return call_at(number);
			}
		}
	} while (forget_oldest());
	return NULL;
}

static bool has_claimed(const struct call *call, uint32_t instance)
{
	return call->holds[PORT_OWN] == instance || call->holds[PORT_OTHER] == instance;
}

/*
 * Takes the parked call that has claimed an instance. Or says that another CPU is going on with one, which may well be
 * parked again in a moment: whoever made that call first must not see BUSY for it.
 */
static struct call *take_parked(uint32_t instance, bool *elsewhere)
{
	struct call *taken = NULL;

	*elsewhere = false;
	table_lock(&lock);
	for (uint32_t number = 0; number < VTPM_CALL_COUNT; number++) {
		struct call *call = call_at(number);
		enum place place = place_of(call);

		if (instance != PORT_ANY_INSTANCE && !has_claimed(call, instance)) {
			continue;
		}
		if (place == PARKED && (taken == NULL || call->since < taken->since)) {
			taken = call;
		}
		*elsewhere = *elsewhere || (place == RUNNING && call->since != 0);
	}
	if (taken != NULL) {
		put(taken, RUNNING);
	}
	table_unlock(&lock);
	return taken;
}

bool port_is_parked(uint32_t instance)
{
	for (uint32_t number = 0; number < VTPM_CALL_COUNT; number++) {
		if (place_of(call_at(number)) == PARKED && has_claimed(call_at(number), instance)) {
			return true;
		}
	}
	return false;
}

static void set_parked(struct call *call)
{
	table_lock(&lock);
	call->since = ++parked_so_far;
	put(call, PARKED);
	table_unlock(&lock);
}

/* Runs a call that this CPU has taken. Returns true if it is done; else it has been parked. */
static bool run(struct call *call, enum port_caller caller)
{
	call->told = caller == PORT_IS_TOLD;
	call->abandoned = caller == PORT_ABANDONS;
	calls_switch(&call->outer, call->inner);
	if (!call->done) {
		set_parked(call);
	}
	return call->done;
}

static void copy_results(struct vtpm_answer *to, const struct call *call)
{
	for (unsigned int x = 1; x < PORT_RESULTS; x++) {
		to->x[x] = call->answer.x[x];
	}
}

static void prepare(struct call *call, vtpm_function *function, const struct vtpm_call *request)
{
	uint64_t *kept = (uint64_t *)&call->stack[STACK_BYTES] - KEPT_WORDS;

	kept[0] = 0; /* the end of the chain of frame records */
	kept[KEPT_LINK] = (uintptr_t)calls_begin;
	kept[KEPT_X19] = (uintptr_t)call;
	call->inner = (uintptr_t)kept;
	call->function = function;
	for (unsigned int x = 0; x < ARRAY_SIZE(request->x); x++) {
		call->request.x[x] = request->x[x];
	}
	call->request.caller = request->caller;
	for (unsigned int x = 1; x < PORT_RESULTS; x++) {
		call->answer.x[x] = 0;
	}
	call->holds[PORT_OWN] = PORT_NO_INSTANCE;
	call->holds[PORT_OTHER] = PORT_NO_INSTANCE;
	call->done = false;
}

vtpm_status port_call(vtpm_function *function, const struct vtpm_call *request, enum port_caller caller,
		      struct vtpm_answer *answer)
{
	struct call *call = take_free();
	vtpm_status status = VTPM_INTERRUPTED;

	if (call == NULL) {
		return VTPM_E_BUSY;
	}
	prepare(call, function, request);
	if (run(call, caller)) {
		copy_results(answer, call);
		status = call->status;
		set_free(call);
	}
	return status;
}

enum port_progress port_continue(uint32_t instance, enum port_caller caller, struct port_finished *out)
{
	struct call *call;
	bool elsewhere;

	if (caller == PORT_CALLS_AGAIN && !takes_interrupts()) {
		return PORT_NOTHING_PARKED;
	}
	call = take_parked(instance, &elsewhere);
	if (call == NULL) {
		return elsewhere && caller != PORT_ABANDONS ? PORT_PARKED_AGAIN : PORT_NOTHING_PARKED;
	}
	if (caller == PORT_ABANDONS && call->holds[PORT_OWN] != instance) {
		if (!takes_interrupts()) {
			put(call, PARKED);
			return PORT_NOTHING_PARKED;
		}
		caller = PORT_CALLS_AGAIN;
	}
	if (!run(call, caller)) {
		return PORT_PARKED_AGAIN;
	}
	out->number = (uint32_t)(((uintptr_t)call - VTPM_CALLS_PA) / CALL_BYTES);
	out->instance = call->holds[PORT_OWN];
	out->request = &call->request;
	out->answer = &call->answer;
	out->status = call->status;
	out->abandoned = call->abandoned;
	return PORT_FINISHED;
}

void port_end(uint32_t number, bool keep)
{
	struct call *call = call_at(number);

	if (!keep) {
		set_free(call);
		return;
	}
	table_lock(&lock);
	put(call, KEPT);
	kept_answers++;
	table_unlock(&lock);
}

/* A call that is made again is made with the same registers. */
static bool same_call(const struct vtpm_call *left, const struct vtpm_call *right)
{
	bool same = left->caller.origin == right->caller.origin && left->caller.vmid == right->caller.vmid &&
		    pa_equal(left->caller.stage2_base, right->caller.stage2_base);

	for (unsigned int x = 0; x < ARRAY_SIZE(left->x); x++) {
		same = same && left->x[x] == right->x[x];
	}
	return same;
}

bool port_kept(const struct vtpm_call *request, vtpm_status *status, struct vtpm_answer *answer)
{
	bool found = false;

	if (__atomic_load_n(&kept_answers, __ATOMIC_RELAXED) == 0) {
		return false;
	}
	table_lock(&lock);
	for (uint32_t number = 0; number < VTPM_CALL_COUNT && !found; number++) {
		struct call *call = call_at(number);

		found = place_of(call) == KEPT && same_call(&call->request, request);
		if (found) {
			*status = call->status;
			copy_results(answer, call);
			forget(call);
		}
	}
	table_unlock(&lock);
	return found;
}

void port_forget(uint32_t instance)
{
	if (__atomic_load_n(&kept_answers, __ATOMIC_RELAXED) == 0) {
		return;
	}
	table_lock(&lock);
	for (uint32_t number = 0; number < VTPM_CALL_COUNT; number++) {
		struct call *call = call_at(number);

		if (place_of(call) == KEPT && call->holds[PORT_OWN] == instance) {
			forget(call);
		}
	}
	table_unlock(&lock);
}
