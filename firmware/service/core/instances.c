/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A handle is generation << 16 | (number + 1): a handle of a destroyed instance never leads to the entry's next owner.
 * The state an instance shows (created, bound, failed) follows from `life` and `bound`.
 */
#include <string.h>

#include "instances.h"
#include "pool.h"
#include "queue.h"
#include "windows.h"

#define HANDLE_NUMBER_BITS 16
#define HANDLE_NUMBER_MASK ((UINT64_C(1) << HANDLE_NUMBER_BITS) - 1)

/*
 * An instance that another one's CPU is moving out of its window will be free in a moment. Its own guest must not see
 * BUSY for that, since an unmodified driver takes it for a broken TPM. So a claim waits, far longer than a move takes,
 * but not for ever, and tries again, in case it is moved once more.
 */
#define NOT_YET 1
#define MOVING_OUT_TURNS (1U << 22)
#define MOVING_OUT_TRIES 4

/* Arm DDI 0487, VTTBR_EL2: the VMID has at most 16 bits. */
#define VMID_MAX 0xffff

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

/* Under the table lock. A guest is whom VTTBR_EL2 says it is, never what it says itself. */
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

/* Under the table lock. BUSY; or, while the instance is only being moved out of its window, NOT_YET. */
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

/* Waits until the instance may have been moved out; false when that took too long. */
static bool wait_until_moved(const struct vtpm_instance *instance)
{
	for (uint32_t turns = 0; turns < MOVING_OUT_TURNS; turns++) {
		if (!lock_is_held(&instance->lock)) {
			return true;
		}
		port_relax();
	}
	return false;
}

vtpm_status instance_claim(uint64_t handle, struct vtpm_instance **out)
{
	vtpm_status status = claim_once(handle, out);

	for (uint32_t tries = 0; status == NOT_YET && tries < MOVING_OUT_TRIES && wait_until_moved(*out); tries++) {
		status = claim_once(handle, out);
	}
	return status == NOT_YET ? VTPM_E_BUSY : status;
}

vtpm_status instance_claim_as_guest(const struct vtpm_caller *caller, uint64_t index, struct vtpm_instance **out)
{
	vtpm_status status = claim_once_as_guest(caller, index, out);

	for (uint32_t tries = 0; status == NOT_YET && tries < MOVING_OUT_TRIES && wait_until_moved(*out); tries++) {
		status = claim_once_as_guest(caller, index, out);
	}
	return status == NOT_YET ? VTPM_E_BUSY : status;
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

static bool requirements_valid(const struct vtpm_requirements *wanted)
{
	return wanted->vm_id != 0 && (wanted->flags & ~(uint64_t)VTPM_REQUIRE_KNOWN) == 0 &&
	       (wanted->flags & VTPM_REQUIRE_PROFILE_MASK) < VTPM_PROFILE_COUNT && wanted->slots >= 1 &&
	       wanted->slots <= VTPM_MAX_SLOTS && wanted->index <= VTPM_MAX_INDEX;
}

/* Under the table lock: a free entry, or why there is none. */
static vtpm_status find_vacancy(const struct vtpm_requirements *wanted, uint32_t *out)
{
	struct vtpm_state *state = state_get();
	uint32_t vacancy = VTPM_MAX_INSTANCES;

	for (uint32_t number = 0; number < state->highest; number++) {
		const struct vtpm_instance *instance = &state->instances[number];

		if (instance->life == VTPM_FREE) {
			vacancy = number < vacancy ? number : vacancy;
		} else if (instance->vm_id == wanted->vm_id && instance->index == wanted->index) {
			return VTPM_E_EXISTS;
		}
	}
	if (vacancy == VTPM_MAX_INSTANCES) {
		vacancy = state->highest;
	}
	*out = vacancy;
	return state->used < state->capacity ? VTPM_OK : VTPM_E_NO_SPACE;
}

/* Takes an entry, its lock, its queue and its reserve of image pages, or nothing. */
static vtpm_status reserve(const struct vtpm_requirements *wanted, struct vtpm_instance **out)
{
	struct vtpm_state *state = state_get();
	uint32_t pages = 1 + (uint32_t)wanted->slots;
	struct vtpm_pages image = {VTPM_NO_PAGE, 0};
	uint32_t number = 0;
	struct pa queue;
	vtpm_status status;

	table_lock(&state->table);
	status = find_vacancy(wanted, &number);
	if (status == VTPM_OK && !pool_take(&image, VTPM_IMAGE_RESERVED_PAGES)) {
		status = VTPM_E_NO_SPACE;
	}
	if (status == VTPM_OK && !queue_pool_take(pages, &queue)) {
		pool_give(&image, 0);
		status = VTPM_E_NO_SPACE;
	}
	if (status == VTPM_OK) {
		struct vtpm_instance *instance = &state->instances[number];
		uint32_t generation = instance->generation + 1;

		*instance = (struct vtpm_instance){
			.lock = {1},
			.life = VTPM_CREATING,
			.generation = generation,
			.vm_id = wanted->vm_id,
			.requirements = (uint32_t)wanted->flags,
			.index = (uint8_t)wanted->index,
			.slots = (uint8_t)wanted->slots,
			.queue = queue,
			.window = VTPM_NO_WINDOW,
			.image = image,
		};
		state->used++;
		if (number == state->highest) {
			state->highest++;
		}
		*out = instance;
	}
	table_unlock(&state->table);
	return status;
}

/* Scrubs and frees everything the instance has, and its entry. Ends the claim. */
static void dissolve(struct vtpm_instance *instance)
{
	struct vtpm_state *state = state_get();

	window_discard(instance, false);
	port_queue_zero(instance->queue, instance_queue_bytes(instance));
	table_lock(&state->table);
	queue_pool_give(instance->queue, 1U + instance->slots);
	instance->life = VTPM_FREE;
	instance->bound = false;
	state->used--;
	lock_release(&instance->lock);
	table_unlock(&state->table);
}

static vtpm_status status_of(enum engine_status engine)
{
	switch (engine) {
	case ENGINE_OK:
		return VTPM_OK;
	case ENGINE_NO_ENTROPY:
		return VTPM_E_NO_ENTROPY;
	case ENGINE_BAD_ARGUMENT:
		return VTPM_E_BAD_REQUIREMENT;
	default:
		return VTPM_E_ENGINE_FAILED;
	}
}

static void set_life(struct vtpm_instance *instance, enum vtpm_life life)
{
	struct vtpm_state *state = state_get();

	table_lock(&state->table);
	instance->life = life;
	table_unlock(&state->table);
}

vtpm_status instance_create(const struct vtpm_requirements *wanted, uint64_t *handle, struct vtpm_instance *copy)
{
	struct vtpm_instance *instance = NULL;
	vtpm_status status;
	uint8_t sample[sizeof(uint64_t)];

	if (!requirements_valid(wanted)) {
		return VTPM_E_BAD_REQUIREMENT;
	}
	if (vtpm_entropy_fill(sample, sizeof(sample)) != 0) {
		return VTPM_E_NO_ENTROPY;
	}
	status = reserve(wanted, &instance);
	if (status != VTPM_OK) {
		return status;
	}
	queue_init(instance);
	status = window_renew(instance);
	if (status == VTPM_OK) {
		status = status_of(window_run(instance, ENGINE_MANUFACTURE));
	}
	if (status != VTPM_OK) {
		dissolve(instance);
		return status;
	}
	set_life(instance, VTPM_LIVE);
	*copy = *instance;
	*handle = instance_handle(instance);
	instance_release(instance);
	return VTPM_OK;
}

static vtpm_status binding_check(const struct vtpm_instance *instance, const struct vtpm_binding *binding)
{
	if (binding->vmid > VMID_MAX || binding->epoch == 0) {
		return VTPM_E_BAD_REQUIREMENT;
	}
	if (binding->stage2_base == 0 || !vtpm_range_fits(binding->stage2_base, VTPM_PAGE_BYTES, VTPM_ADDRESS_BITS) ||
	    !vtpm_range_fits(binding->queue_ipa, instance_queue_bytes(instance), VTPM_ADDRESS_BITS)) {
		return VTPM_E_BAD_ADDRESS;
	}
	return instance->life == VTPM_LIVE ? VTPM_OK : VTPM_E_BAD_STATE;
}

static bool holds(const struct vtpm_instance *instance, const struct vtpm_binding *binding)
{
	return instance->life >= VTPM_LIVE && instance->bound && instance->vmid == binding->vmid &&
	       instance->stage2_base.value == binding->stage2_base;
}

/* Under the table lock. An identity belongs to one VM at a time; only a later epoch takes it from another VM. */
static vtpm_status take_identity(struct vtpm_instance *instance, const struct vtpm_binding *binding)
{
	struct vtpm_state *state = state_get();

	for (uint32_t number = 0; number < state->highest; number++) {
		const struct vtpm_instance *other = &state->instances[number];

		if (holds(other, binding) && other->vm_id != instance->vm_id && other->epoch >= binding->epoch) {
			return VTPM_E_STALE_EPOCH;
		}
	}
	for (uint32_t number = 0; number < state->highest; number++) {
		struct vtpm_instance *other = &state->instances[number];

		if (holds(other, binding) && other->vm_id != instance->vm_id) {
			other->bound = false;
		}
	}
	instance->bound = true;
	instance->vmid = (uint16_t)binding->vmid;
	instance->stage2_base = pa_make(binding->stage2_base);
	instance->epoch = binding->epoch;
	return VTPM_OK;
}

vtpm_status instance_bind(uint64_t handle, const struct vtpm_binding *binding)
{
	struct vtpm_state *state = state_get();
	struct vtpm_instance *instance;
	vtpm_status status = instance_claim(handle, &instance);

	if (status != VTPM_OK) {
		return status;
	}
	status = binding_check(instance, binding);
	if (status == VTPM_OK) {
		table_lock(&state->table);
		status = take_identity(instance, binding);
		table_unlock(&state->table);
	}
	if (status == VTPM_OK) {
		instance->queue_ipa = ipa_make(binding->queue_ipa);
		queue_write_addresses(instance);
	}
	instance_release(instance);
	return status;
}

/* Ephemeral: a new TPM, which also brings a failed instance back. */
static vtpm_status reset_ephemeral(struct vtpm_instance *instance)
{
	vtpm_status status = window_renew(instance);

	if (status != VTPM_OK) {
		return status;
	}
	status = status_of(window_run(instance, ENGINE_MANUFACTURE));
	if (status == VTPM_OK) {
		set_life(instance, VTPM_LIVE);
	} else {
		window_fail(instance, "could not be made anew");
	}
	return status;
}

/* Persistent: _TPM_Init (TPM 2.0 Library part 1, section 12.2.2): volatile state is gone, the rest stays. */
static vtpm_status reset_persistent(struct vtpm_instance *instance)
{
	vtpm_status status;

	if (instance->life == VTPM_FAILED) {
		return VTPM_E_BAD_STATE;
	}
	status = window_acquire(instance);
	if (status != VTPM_OK) {
		return status;
	}
	status = status_of(window_run(instance, ENGINE_RESET));
	if (status != VTPM_OK) {
		window_fail(instance, "could not be reset");
	}
	return status;
}

vtpm_status instance_reset(uint64_t handle)
{
	struct vtpm_instance *instance;
	vtpm_status status = instance_claim(handle, &instance);

	if (status != VTPM_OK) {
		return status;
	}
	if ((instance->requirements & VTPM_REQUIRE_PERSISTENT) != 0) {
		status = reset_persistent(instance);
	} else {
		status = reset_ephemeral(instance);
	}
	if (status == VTPM_OK) {
		queue_init(instance);
	}
	instance_release(instance);
	return status;
}

vtpm_status instance_destroy(uint64_t handle)
{
	struct vtpm_instance *instance;
	vtpm_status status = instance_claim(handle, &instance);

	if (status == VTPM_OK) {
		dissolve(instance);
	}
	return status;
}
