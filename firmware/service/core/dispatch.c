/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One function per call: it checks its arguments, does its work in another file, and fills in the documented results.
 * Who may make a call is checked here, before any argument is looked at.
 */
#include "instances.h"
#include "pool.h"
#include "queue.h"
#include "windows.h"

/*
 * SMCCC (Arm DEN0028) section 6.2, "Call Count": how many functions there are. Ten management calls less SAVE and
 * RESTORE, the doorbells, QUEUE_CHECK and the three general queries.
 */
#define CALL_COUNT (10 - 2 + (VTPM_MAX_INDEX + 1) + 1 + 3)

/* SMCCC 1.1 and later: from X4 on, a register that holds no result must come back as the caller left it. */
#define SMCCC_FIRST_PRESERVED 4

static vtpm_status call_limits(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	struct vtpm_state *state = state_get();
	uint64_t *x = answer->x;
	uint32_t occupied = 0;

	if (call->x[1] != VTPM_LIMITS_INSTANCES && call->x[1] != VTPM_LIMITS_MEMORY) {
		return VTPM_E_BAD_REQUIREMENT;
	}
	table_lock(&state->table);
	for (uint32_t window = 0; window < VTPM_WINDOW_COUNT; window++) {
		occupied += state->windows[window].owner != VTPM_NO_INSTANCE;
	}
	if (call->x[1] == VTPM_LIMITS_INSTANCES) {
		x[1] = state->capacity;
		x[2] = state->used;
		x[3] = VTPM_SECURE_POOL_BYTES;
		x[4] = (uint64_t)state->free_pages * VTPM_PAGE_BYTES +
		       (uint64_t)(VTPM_WINDOW_COUNT - occupied) * ENGINE_WINDOW_BYTES;
		x[5] = VTPM_QUEUE_MAX_BYTES;
		x[6] = VTPM_QUEUE_POOL_PA;
		x[7] = VTPM_QUEUE_POOL_BYTES;
	} else {
		x[1] = VTPM_WINDOW_COUNT;
		x[2] = occupied;
		x[3] = ENGINE_WINDOW_BYTES;
		x[4] = state->image_bytes;
		x[5] = state->images;
		x[6] = state->engine.text_bytes + state->engine.rodata_bytes;
		x[7] = VTPM_SECURE_POOL_PA;
	}
	table_unlock(&state->table);
	return VTPM_OK;
}

static vtpm_status call_create(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	const struct vtpm_requirements wanted = {call->x[1], call->x[2], call->x[3], call->x[4]};
	struct vtpm_instance instance;
	uint64_t handle;
	vtpm_status status;

	if (call->x[5] != 0 || call->x[6] != 0 || call->x[7] != 0) {
		return VTPM_E_BAD_REQUIREMENT;
	}
	status = instance_create(&wanted, &handle, &instance);
	if (status == VTPM_OK) {
		answer->x[1] = handle;
		answer->x[2] = instance.queue.value;
		answer->x[3] = instance_queue_bytes(&instance);
	}
	return status;
}

static vtpm_status call_bind(const struct vtpm_call *call)
{
	const struct vtpm_binding binding = {call->x[2], call->x[3], call->x[4], call->x[5]};

	return instance_bind(call->x[1], &binding);
}

/* The states of vtpm_abi.h are what a hypervisor can act on; an instance that is being created has no handle yet. */
static uint64_t shown_state(const struct vtpm_instance *instance)
{
	if (instance->life == VTPM_FAILED) {
		return VTPM_STATE_FAILED;
	}
	return instance->bound ? VTPM_STATE_BOUND : VTPM_STATE_CREATED;
}

static vtpm_status call_info(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	struct vtpm_instance instance;
	uint64_t *x = answer->x;
	vtpm_status status = instance_read(call->x[1], &instance);

	if (status != VTPM_OK) {
		return status;
	}
	switch (call->x[2]) {
	case VTPM_INFO_STATE:
		x[1] = shown_state(&instance);
		x[2] = instance.vm_id;
		x[3] = instance.queue.value;
		x[4] = instance_queue_bytes(&instance);
		x[5] = instance.commands;
		x[6] = instance.requirements;
		x[7] = instance.index;
		return VTPM_OK;
	case VTPM_INFO_TICKS:
		x[1] = instance.last.total;
		x[2] = instance.last.engine;
		x[3] = instance.last.windows;
		x[4] = instance.switches;
		x[5] = instance.loads;
		x[6] = instance.evictions;
		return VTPM_OK;
	default:
		return VTPM_E_BAD_REQUIREMENT;
	}
}

static vtpm_status call_forward(const struct vtpm_call *call)
{
	struct vtpm_instance *instance;
	vtpm_status status = instance_claim(call->x[1], &instance);

	if (status == VTPM_OK) {
		status = queue_run(instance);
		instance_release(instance);
	}
	return status;
}

static vtpm_status call_doorbell(const struct vtpm_call *call, uint64_t index)
{
	struct vtpm_instance *instance;
	vtpm_status status = instance_claim_as_guest(&call->caller, index, &instance);

	if (status == VTPM_OK) {
		status = queue_run(instance);
		instance_release(instance);
	}
	return status;
}

static vtpm_status call_queue_check(const struct vtpm_call *call)
{
	struct pa queue;
	uint32_t bytes;
	vtpm_status status = instance_queue_of_guest(&call->caller, call->x[2], &queue, &bytes);

	return status == VTPM_OK ? queue_check(queue, bytes, va_make(call->x[1])) : status;
}

/* Calls that anyone may make. They cannot fail, so x0 is their first result and not a status. */
static bool answer_query(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	uint64_t *x = answer->x;

	switch ((uint32_t)call->x[0]) {
	case VTPM_FID_VERSION:
		x[0] = VTPM_VERSION_MAJOR << 16 | VTPM_VERSION_MINOR;
		x[1] = port_entropy_features() | (VTPM_SPACE_PROTECTED ? VTPM_FEATURE_PROTECTED_SPACE : 0) |
		       VTPM_FEATURE_PARKING;
		return true;
	case VTPM_FID_CALL_COUNT:
		x[0] = CALL_COUNT;
		return true;
	case VTPM_FID_CALL_UID:
		x[0] = VTPM_UID_W0;
		x[1] = VTPM_UID_W1;
		x[2] = VTPM_UID_W2;
		x[3] = VTPM_UID_W3;
		return true;
	case VTPM_FID_REVISION:
		x[0] = VTPM_VERSION_MAJOR;
		x[1] = VTPM_VERSION_MINOR;
		return true;
	default:
		return false;
	}
}

static vtpm_status dispatch_management(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	switch ((uint32_t)call->x[0]) {
	case VTPM_FID_LIMITS:
		return call_limits(call, answer);
	case VTPM_FID_CREATE:
		return call_create(call, answer);
	case VTPM_FID_BIND:
		return call_bind(call);
	case VTPM_FID_INFO:
		return call_info(call, answer);
	case VTPM_FID_RESET:
		return instance_reset(call->x[1]);
	case VTPM_FID_DESTROY:
		return instance_destroy(call->x[1]);
	case VTPM_FID_FORWARD:
		return call_forward(call);
	default:
		return VTPM_E_NOT_SUPPORTED; /* SAVE and RESTORE among them: VTPM_FEATURE_SAVE is not announced */
	}
}

static bool is_doorbell(uint32_t fid)
{
	return fid >= VTPM_FID_DOORBELL && fid <= VTPM_FID_DOORBELL + VTPM_MAX_INDEX;
}

/* Whether a call may take long, and then may be parked: it runs the engine, or scrubs memory. */
static bool takes_long(uint32_t fid)
{
	return is_doorbell(fid) || fid == VTPM_FID_FORWARD || fid == VTPM_FID_RESET || fid == VTPM_FID_CREATE ||
	       fid == VTPM_FID_DESTROY;
}

static vtpm_status serve(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	uint32_t fid = (uint32_t)call->x[0];

	if (is_doorbell(fid)) {
		return call_doorbell(call, fid - VTPM_FID_DOORBELL);
	}
	if (fid == VTPM_FID_QUEUE_CHECK) {
		return call_queue_check(call);
	}
	if (fid < VTPM_FID_LIMITS || fid > VTPM_FID_FORWARD) {
		return VTPM_E_NOT_SUPPORTED;
	}
	if (call->caller.origin != VTPM_FROM_HYPERVISOR) {
		return VTPM_E_NOT_PERMITTED;
	}
	return dispatch_management(call, answer);
}

/* Whether two calls ask for the same, of the same instance: doorbell and FORWARD both want its queue served. */
static bool same_request(const struct vtpm_call *left, const struct vtpm_call *right)
{
	uint32_t fid = (uint32_t)left->x[0];
	uint32_t other = (uint32_t)right->x[0];

	if (fid != VTPM_FID_CREATE) {
		return fid == other || ((is_doorbell(fid) || fid == VTPM_FID_FORWARD) &&
					(is_doorbell(other) || other == VTPM_FID_FORWARD));
	}
	for (unsigned int x = 1; x < sizeof(left->x) / sizeof(left->x[0]); x++) {
		if (left->x[x] != right->x[x]) {
			return false;
		}
	}
	return fid == other;
}

/* Whether the caller wants to be told of an interrupt, instead of having its SMC executed again. */
static bool is_told(const struct vtpm_call *call)
{
	uint32_t fid = (uint32_t)call->x[0];

	return (fid == VTPM_FID_FORWARD || fid == VTPM_FID_RESET) && call->x[2] == VTPM_TELL_MORE;
}

static enum port_caller how_called(const struct vtpm_call *call)
{
	return is_told(call) ? PORT_IS_TOLD : PORT_CALLS_AGAIN;
}

/*
 * Whether who made a call, and makes it again, could tell that somebody else has finished it. A queue that was served
 * is empty then, which is as good an answer; but CREATE would find that its instance exists, and DESTROY that it does
 * not. A call that could not be finished is made from its beginning.
 */
static bool would_be_missed(const struct port_finished *finished)
{
	uint32_t fid = (uint32_t)finished->request->x[0];

	return finished->status < VTPM_OK ||
	       (finished->status == VTPM_OK && !is_doorbell(fid) && fid != VTPM_FID_FORWARD);
}

/* Returns the number of the instance that a call is about, or PORT_ANY_INSTANCE if all that it lacks is a window. */
static uint32_t what_is_in_the_way(const struct vtpm_call *call, vtpm_status status)
{
	uint32_t fid = (uint32_t)call->x[0];

	if (status == VTPM_NO_WINDOW_FREE) {
		return PORT_ANY_INSTANCE;
	}
	if (is_doorbell(fid)) {
		return instance_number_of_guest(&call->caller, fid - VTPM_FID_DOORBELL);
	}
	if (fid == VTPM_FID_CREATE) {
		return instance_number_of_vm(call->x[1], call->x[4]);
	}
	return instance_number(call->x[1]);
}

static bool is_in_the_way(uint32_t fid, vtpm_status status)
{
	return status == VTPM_E_BUSY || status == VTPM_NO_WINDOW_FREE ||
	       (status == VTPM_E_EXISTS && fid == VTPM_FID_CREATE);
}

/*
 * If what a call needs is held by a parked one, the caller goes on with that one in its own time. A parked call that
 * asked for the same as this one is this one, from before an interrupt: its answer is the answer. Returns false if
 * there is an answer, which may be that the caller is to call again.
 */
static bool make_way(const struct vtpm_call *call, struct vtpm_answer *answer, vtpm_status *status)
{
	bool destroys = (uint32_t)call->x[0] == VTPM_FID_DESTROY;
	enum port_caller how = destroys ? PORT_ABANDONS : how_called(call);
	uint32_t instance = what_is_in_the_way(call, *status);
	struct port_finished finished;

	switch (port_continue(instance, how, &finished)) {
	case PORT_NOTHING_PARKED:
		*status = *status == VTPM_NO_WINDOW_FREE ? VTPM_E_BUSY : *status;
		return false;
	case PORT_PARKED_AGAIN:
		*status = VTPM_INTERRUPTED;
		return false;
	default:
		break;
	}
	if (finished.instance != instance || finished.status == VTPM_NO_WINDOW_FREE ||
	    !same_request(call, finished.request)) {
		port_end(finished.number, !finished.abandoned && would_be_missed(&finished));
		return true;
	}
	for (unsigned int x = 1; x < SMCCC_FIRST_PRESERVED; x++) {
		answer->x[x] = finished.answer->x[x];
	}
	*status = finished.status;
	port_end(finished.number, false);
	return false;
}

static vtpm_status dispatch(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	uint32_t fid = (uint32_t)call->x[0];
	vtpm_status status;

	if (port_kept(call, &status, answer)) {
		return status;
	}
	do {
		status = takes_long(fid) ? port_call(serve, call, how_called(call), answer) : serve(call, answer);
	} while (is_in_the_way(fid, status) && make_way(call, answer, &status));
	return status;
}

bool vtpm_dispatch(const struct vtpm_call *call, struct vtpm_answer *answer)
{
	vtpm_status status;

	*answer = (struct vtpm_answer){0};
	for (unsigned int x = SMCCC_FIRST_PRESERVED; x < sizeof(answer->x) / sizeof(answer->x[0]); x++) {
		answer->x[x] = call->x[x];
	}
	if (answer_query(call, answer)) {
		return true;
	}
	status = dispatch(call, answer);
	if (status == VTPM_INTERRUPTED && is_told(call)) {
		status = VTPM_E_MORE;
	}
	answer->x[0] = (uint64_t)status;
	return status != VTPM_INTERRUPTED;
}

void vtpm_service_init(const struct engine_header *header)
{
	struct vtpm_state *state = state_get();

	state->engine = *header;
	pool_init();
	windows_init();
	/* Every instance keeps its reserve of pages, so that it can always be moved out of its window. */
	state->capacity = state->free_pages / VTPM_IMAGE_RESERVED_PAGES;
	if (state->capacity > VTPM_MAX_INSTANCES) {
		state->capacity = VTPM_MAX_INSTANCES;
	}
}
