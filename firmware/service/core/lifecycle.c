/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How instances are created, reset and destroyed. Whatever an instance consists of is taken all together or not at all,
 * and is zero before anybody else can have it.
 */
#include "instances.h"
#include "pool.h"
#include "queue.h"
#include "windows.h"

static bool requirements_valid(const struct vtpm_requirements *wanted)
{
	return wanted->vm_id != 0 && (wanted->flags & ~(uint64_t)VTPM_REQUIRE_KNOWN) == 0 &&
	       (wanted->flags & VTPM_REQUIRE_PROFILE_MASK) < VTPM_PROFILE_COUNT && wanted->slots >= 1 &&
	       wanted->slots <= VTPM_MAX_SLOTS && wanted->index <= VTPM_MAX_INDEX;
}

/* Under the table lock: finds an entry that is not in use, the lowest first, so that `highest` stays low. */
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

/*
 * Takes an entry, its lock, its queue and its reserve of image pages; or nothing, and says why. The new instance's VM
 * id and index are taken from here on, though no handle leads to it before it is VTPM_LIVE.
 */
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
		port_hold(PORT_OWN, number);
		*out = instance;
	}
	table_unlock(&state->table);
	return status;
}

/*
 * Scrubs and frees everything the instance has, and its entry; ends the claim. Scrubbing comes first and takes no table
 * lock: until then nobody else can get the memory.
 */
static void dissolve(struct vtpm_instance *instance)
{
	struct vtpm_state *state = state_get();

	window_discard(instance, false);
	queue_zero(instance);
	port_forget(state_number(instance));
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
	uint8_t sample[2 * sizeof(uint64_t)];

	if (!requirements_valid(wanted)) {
		return VTPM_E_BAD_REQUIREMENT;
	}
	status = reserve(wanted, &instance);
	if (status != VTPM_OK) {
		return status;
	}
	/*
	 * Without entropy nothing is created. Asked here, so that the failure costs no window of another instance, and
	 * a call that is made again because it is parked draws none.
	 */
	if (vtpm_entropy_fill(sample, sizeof(sample)) != 0) {
		status = VTPM_E_NO_ENTROPY;
	} else {
		queue_init(instance);
		status = window_renew(instance);
	}
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

/* An ephemeral instance gets a newly manufactured TPM, which also brings a failed one back. */
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

/*
 * A persistent one gets _TPM_Init (TPM 2.0 Library part 1, "TPM Operational States"): volatile state is lost, the rest
 * stays.
 */
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
