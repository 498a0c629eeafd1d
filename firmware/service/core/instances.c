/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The instance table: finding an instance by its handle or by the guest that rings, and claiming it.
 *
 * A handle is generation << 16 | (number + 1), so a handle of a destroyed instance never leads to the next one in its
 * entry. The state that INFO shows (created, bound, failed) follows from `life` and `bound`.
 */
#include "instances.h"

#define HANDLE_NUMBER_BITS 16
#define HANDLE_NUMBER_MASK ((UINT64_C(1) << HANDLE_NUMBER_BITS) - 1)

/*
 * An instance whose lock another CPU holds to move it out of its window will be free in a moment. Its guest must not
 * see BUSY for that, because an unmodified driver takes BUSY for a broken TPM. So a claim waits, far longer than a move
 * takes but not without a bound, and tries again a few times, in case the instance is moved once more.
 */
#define NOT_YET 1
#define MOVING_OUT_TURNS (1U << 22)
#define MOVING_OUT_TRIES 4

uint64_t instance_handle(const struct vtpm_instance *instance)
{
	return (uint64_t)instance->generation << HANDLE_NUMBER_BITS | (state_number(instance) + 1U);
}

/* Under the table lock. */
static struct vtpm_instance *find(uint64_t handle)
{
	struct vtpm_state *state = state_get();
	uint64_t number = (handle & HANDLE_NUMBER_MASK) - 1;
	struct vtpm_instance *instance;

	if (number >= VTPM_MAX_INSTANCES) {
		return NULL;
	}
	instance = &state->instances[number];
	if (instance->life < VTPM_LIVE || handle >> HANDLE_NUMBER_BITS != instance->generation) {
		return NULL;
	}
	return instance;
}

/* Under the table lock. VTTBR_EL2, which a guest cannot write, says which one it is; no argument of the call does. */
static struct vtpm_instance *find_as_guest(const struct vtpm_caller *caller, uint64_t index)
{
	struct vtpm_state *state = state_get();

	if (caller->origin != VTPM_FROM_GUEST) {
		return NULL;
	}
	for (uint32_t number = 0; number < state->highest; number++) {
		struct vtpm_instance *instance = &state->instances[number];

		if (instance->bound && instance->vmid == caller->vmid && instance->index == index &&
		    pa_equal(instance->stage2_base, caller->stage2_base) && instance->life >= VTPM_LIVE) {
			return instance;
		}
	}
	return NULL;
}

/*
 * Under the table lock. Never waits. NOT_YET, which no caller sees, while the instance is being moved out of its
 * window.
 */
static vtpm_status try_claim(struct vtpm_instance *instance)
{
	if (lock_try(&instance->lock)) {
		return VTPM_OK;
	}
	return instance->leaving ? NOT_YET : VTPM_E_BUSY;
}

static vtpm_status claim_once(uint64_t handle, struct vtpm_instance **out)
{
	struct vtpm_state *state = state_get();
	vtpm_status status;

	table_lock(&state->table);
	*out = find(handle);
	status = *out == NULL ? VTPM_E_BAD_HANDLE : try_claim(*out);
	table_unlock(&state->table);
	return status;
}

static vtpm_status claim_once_as_guest(const struct vtpm_caller *caller, uint64_t index, struct vtpm_instance **out)
{
	struct vtpm_state *state = state_get();
	vtpm_status status;

	table_lock(&state->table);
	*out = find_as_guest(caller, index);
	status = *out == NULL ? VTPM_E_NOT_PERMITTED : try_claim(*out);
	table_unlock(&state->table);
	return status;
}

/*
 * Waits, without any lock, until the instance may have been moved out. NOT_YET: it is time to try again. Whoever moves
 * it may have been parked, and then goes on in somebody's time, which BUSY leads to.
 */
static vtpm_status wait_until_moved(const struct vtpm_instance *instance)
{
	for (uint32_t turns = 0; turns < MOVING_OUT_TURNS; turns++) {
		if (!lock_is_held(&instance->lock)) {
			return NOT_YET;
		}
		if (port_is_parked(state_number(instance))) {
			break;
		}
		if (port_interrupt_pending()) {
			return VTPM_INTERRUPTED;
		}
		port_relax();
	}
	return VTPM_E_BUSY;
}

/* Says what has come of a claim: of one that is to be tried no more, too. */
static vtpm_status claimed(vtpm_status status, const struct vtpm_instance *instance)
{
	if (status == VTPM_OK) {
		port_hold(PORT_OWN, state_number(instance));
	}
	return status == NOT_YET ? VTPM_E_BUSY : status;
}

vtpm_status instance_claim(uint64_t handle, struct vtpm_instance **out)
{
	vtpm_status status = claim_once(handle, out);

	for (uint32_t tries = 0; status == NOT_YET && tries < MOVING_OUT_TRIES; tries++) {
		status = wait_until_moved(*out);
		if (status == NOT_YET) {
			status = claim_once(handle, out);
		}
	}
	return claimed(status, *out);
}

vtpm_status instance_claim_as_guest(const struct vtpm_caller *caller, uint64_t index, struct vtpm_instance **out)
{
	vtpm_status status = claim_once_as_guest(caller, index, out);

	for (uint32_t tries = 0; status == NOT_YET && tries < MOVING_OUT_TRIES; tries++) {
		status = wait_until_moved(*out);
		if (status == NOT_YET) {
			status = claim_once_as_guest(caller, index, out);
		}
	}
	return claimed(status, *out);
}

void instance_release(struct vtpm_instance *instance)
{
	lock_release(&instance->lock);
}

vtpm_status instance_read(uint64_t handle, struct vtpm_instance *out)
{
	struct vtpm_state *state = state_get();
	const struct vtpm_instance *instance;

	table_lock(&state->table);
	instance = find(handle);
	if (instance != NULL) {
		*out = *instance;
	}
	table_unlock(&state->table);
	return instance == NULL ? VTPM_E_BAD_HANDLE : VTPM_OK;
}

uint32_t instance_number(uint64_t handle)
{
	struct vtpm_state *state = state_get();
	const struct vtpm_instance *instance;

	table_lock(&state->table);
	instance = find(handle);
	table_unlock(&state->table);
	return instance == NULL ? PORT_NO_INSTANCE : state_number(instance);
}

uint32_t instance_number_of_guest(const struct vtpm_caller *caller, uint64_t index)
{
	struct vtpm_state *state = state_get();
	const struct vtpm_instance *instance;

	table_lock(&state->table);
	instance = find_as_guest(caller, index);
	table_unlock(&state->table);
	return instance == NULL ? PORT_NO_INSTANCE : state_number(instance);
}

uint32_t instance_number_of_vm(uint64_t vm_id, uint64_t place)
{
	struct vtpm_state *state = state_get();
	uint32_t found = PORT_NO_INSTANCE;

	table_lock(&state->table);
	for (uint32_t number = 0; number < state->highest; number++) {
		const struct vtpm_instance *instance = &state->instances[number];

		if (instance->life == VTPM_CREATING && instance->vm_id == vm_id && instance->index == place) {
			found = number;
		}
	}
	table_unlock(&state->table);
	return found;
}

vtpm_status instance_queue_of_guest(const struct vtpm_caller *caller, uint64_t index, struct pa *queue, uint32_t *bytes)
{
	struct vtpm_state *state = state_get();
	const struct vtpm_instance *instance;

	table_lock(&state->table);
	instance = find_as_guest(caller, index);
	if (instance != NULL) {
		*queue = instance->queue;
		*bytes = instance_queue_bytes(instance);
	}
	table_unlock(&state->table);
	return instance == NULL ? VTPM_E_NOT_PERMITTED : VTPM_OK;
}
