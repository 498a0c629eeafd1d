/* SPDX-License-Identifier: BSD-3-Clause */
/* Create, reset, destroy; what fails, and what it leaves behind. */
#include <string.h>

#include "calls.h"
#include "promise.h"

#define BASE 0x44000000
#define ANY_COMMAND 0x17b

PROMISE(requirements_that_cannot_be_honoured_are_refused_by_name)
{
	struct instance out;

	CHECK_EQUAL(create(0, 0, 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, VTPM_PROFILE_COUNT, 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, 1 << 10, 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, UINT64_C(1) << 32, 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, 0, 0, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, 0, VTPM_MAX_SLOTS + 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, 0, UINT64_C(1) << 32 | 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, 0, 1, VTPM_MAX_INDEX + 1, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(manage(VTPM_FID_CREATE, 1, 0, 1, 0, 1, NULL), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 2), 0);
}

PROMISE(profile_reaches_the_engine)
{
	struct toy_answer answer;
	struct instance instance;

	CHECK_EQUAL(create(1, VTPM_PROFILE_SHA384, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(answer.profile, VTPM_PROFILE_SHA384);
}

PROMISE(a_vm_may_own_several_instances_but_each_index_once)
{
	struct instance first, second, again;

	CHECK_EQUAL(create(7, 0, 1, 0, &first), VTPM_OK);
	CHECK_EQUAL(create(7, 0, 1, 1, &second), VTPM_OK);
	CHECK_EQUAL(create(7, 0, 1, 1, &again), VTPM_E_EXISTS);
	CHECK(first.handle != second.handle);
	CHECK(first.queue + first.bytes <= second.queue || second.queue + second.bytes <= first.queue);
}

PROMISE(without_entropy_nothing_is_created)
{
	struct instance out;
	uint64_t free_before = limit(VTPM_LIMITS_INSTANCES, 4);

	host.entropy = HOST_ENTROPY_FAILS;
	CHECK_EQUAL(create(1, 0, 1, 0, &out), VTPM_E_NO_ENTROPY);
	host.entropy = HOST_ENTROPY_STUCK;
	CHECK_EQUAL(create(1, 0, 1, 0, &out), VTPM_E_NO_ENTROPY);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 2), 0);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 4), free_before);
}

static void lose_entropy(void)
{
	host.entropy = HOST_ENTROPY_FAILS;
}

PROMISE(entropy_lost_in_the_middle_of_create_leaves_nothing_behind)
{
	struct instance out;
	uint64_t free_before = limit(VTPM_LIMITS_INSTANCES, 4);

	host.while_engine_runs = lose_entropy;
	CHECK_EQUAL(create(1, 0, 1, 0, &out), VTPM_E_NO_ENTROPY);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 4), free_before);
	CHECK(host_secrets_are_gone());
}

PROMISE(handles_of_the_dead_lead_nowhere)
{
	struct instance old, young;

	CHECK_EQUAL(create(1, 0, 1, 0, &old), VTPM_OK);
	CHECK_EQUAL(destroy(&old), VTPM_OK);
	CHECK_EQUAL(create(2, 0, 1, 0, &young), VTPM_OK);
	CHECK(old.handle != young.handle);
	CHECK_EQUAL(destroy(&old), VTPM_E_BAD_HANDLE);
	CHECK_EQUAL(forward(&old), VTPM_E_BAD_HANDLE);
	CHECK_EQUAL(manage(VTPM_FID_INFO, 0, 0, 0, 0, 0, NULL), VTPM_E_BAD_HANDLE);
	CHECK_EQUAL(manage(VTPM_FID_INFO, UINT64_MAX, 0, 0, 0, 0, NULL), VTPM_E_BAD_HANDLE);
	CHECK_EQUAL(manage(VTPM_FID_INFO, young.handle | UINT64_C(1) << 63, 0, 0, 0, 0, NULL), VTPM_E_BAD_HANDLE);
	CHECK_EQUAL(info(&young, VTPM_INFO_STATE, 2), 2);
}

PROMISE(destroy_leaves_no_trace)
{
	struct toy_answer answer;
	struct instance instance;
	uint64_t free_before = limit(VTPM_LIMITS_INSTANCES, 4);

	CHECK_EQUAL(create(1, 0, 3, 0, &instance), VTPM_OK);
	CHECK(limit(VTPM_LIMITS_INSTANCES, 4) < free_before);
	CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_OK);
	memset(slot_of(&instance, 2), 0xc5, VTPM_SLOT_BYTES);
	CHECK_EQUAL(destroy(&instance), VTPM_OK);
	CHECK(host_secrets_are_gone());
	for (uint64_t byte = 0; byte < instance.bytes; byte++) {
		CHECK_EQUAL(*host_queue(instance.queue + byte), 0);
	}
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 4), free_before);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 2), 0);
}

PROMISE(full_table_says_no_space_and_recovers)
{
	struct instance instances[VTPM_MAX_INSTANCES];
	struct instance extra;
	uint64_t possible = limit(VTPM_LIMITS_INSTANCES, 1);

	for (uint64_t i = 0; i < possible; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(create(99, 0, 1, 0, &extra), VTPM_E_NO_SPACE);
	CHECK_EQUAL(destroy(&instances[3]), VTPM_OK);
	CHECK_EQUAL(create(99, 0, 1, 0, &extra), VTPM_OK);
}

/* One page is left, and whoever asks for two must not get the one behind the pool as well. */
PROMISE(no_queue_reaches_beyond_the_pool)
{
	struct instance out;
	uint32_t left = VTPM_QUEUE_POOL_BYTES / VTPM_PAGE_BYTES - 1;

	for (uint64_t vm = 1; left != 0; vm++) {
		uint32_t pages = left < 1 + VTPM_MAX_SLOTS ? left : 1 + VTPM_MAX_SLOTS;

		CHECK_EQUAL(create(vm, 0, pages - 1, 0, &out), VTPM_OK);
		CHECK(out.queue >= VTPM_QUEUE_POOL_PA);
		CHECK(out.queue + out.bytes <= VTPM_QUEUE_POOL_PA + VTPM_QUEUE_POOL_BYTES);
		left -= pages;
	}
	CHECK_EQUAL(create(99, 0, 1, 0, &out), VTPM_E_NO_SPACE);
}

PROMISE(full_queue_pool_says_no_space)
{
	struct instance out;
	uint64_t free_before;

	for (uint64_t vm = 1; vm <= 4; vm++) {
		CHECK_EQUAL(create(vm, 0, VTPM_MAX_SLOTS, 0, &out), VTPM_OK);
	}
	free_before = limit(VTPM_LIMITS_INSTANCES, 4);
	CHECK_EQUAL(create(5, 0, 1, 0, &out), VTPM_E_NO_SPACE);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 4), free_before);
}

PROMISE(a_queue_that_is_given_back_can_be_had_again)
{
	struct instance instance;

	for (uint64_t round = 0; round < 2 * VTPM_QUEUE_POOL_BYTES / VTPM_PAGE_BYTES; round++) {
		CHECK_EQUAL(create(1, 0, VTPM_MAX_SLOTS, 0, &instance), VTPM_OK);
		CHECK_EQUAL(destroy(&instance), VTPM_OK);
	}
}

static struct instance newcomer;

static void create_on_another_cpu(void)
{
	CHECK_EQUAL(create(77, 0, 1, 0, &newcomer), VTPM_OK);
}

/* Pages that are free before they are zero could be another instance's queue by then. */
PROMISE(a_queue_is_scrubbed_before_anybody_else_can_have_it)
{
	struct instance old;

	CHECK_EQUAL(create(1, 0, 1, 0, &old), VTPM_OK);
	host.before_queue_zero = create_on_another_cpu;
	CHECK_EQUAL(destroy(&old), VTPM_OK);
	CHECK(newcomer.queue >= old.queue + old.bytes);
	CHECK_EQUAL(control_read(&newcomer, VTPM_RING_MAGIC), VTPM_RING_MAGIC_VALUE);
}

PROMISE(an_engine_failure_stops_and_scrubs_that_instance_only)
{
	static const uint32_t failures[] = {TOY_GIVES_UP, TOY_RETURNS_NONSENSE, TOY_OVERLONG};
	struct instance healthy, broken;
	struct toy_answer answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &healthy), VTPM_OK);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_EQUAL(create(2 + i, 0, 1, 0, &broken), VTPM_OK);
		CHECK_EQUAL(run(&broken, failures[i], &answer), VTPM_E_ENGINE_FAILED);
		CHECK_EQUAL(slot_of(&broken, 0)[9], VTPM_TPM_RC_FAILURE & 0xff);
		CHECK_EQUAL(info(&broken, VTPM_INFO_STATE, 1), VTPM_STATE_FAILED);
		CHECK_EQUAL(run(&broken, ANY_COMMAND, &answer), VTPM_E_BAD_STATE);
		CHECK_EQUAL(bind(&broken, 5, BASE, 1, 0), VTPM_E_BAD_STATE);
		CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 2), 1);
		CHECK_EQUAL(run(&healthy, ANY_COMMAND, &answer), VTPM_OK);
		CHECK_EQUAL(answer.commands, i + 1);
	}
	CHECK(host_secure_is_zero(VTPM_WINDOWS_PA + ENGINE_WINDOW_BYTES,
				  (VTPM_WINDOW_COUNT - 1) * ENGINE_WINDOW_BYTES));
}

PROMISE(reset_revives_a_failed_ephemeral_instance_but_no_persistent_one)
{
	struct instance ephemeral, persistent;
	struct toy_answer answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &ephemeral), VTPM_OK);
	CHECK_EQUAL(bind(&ephemeral, 5, BASE, 1, 0), VTPM_OK);
	CHECK_EQUAL(create(2, VTPM_REQUIRE_PERSISTENT, 1, 0, &persistent), VTPM_OK);
	CHECK_EQUAL(run(&ephemeral, TOY_GIVES_UP, &answer), VTPM_E_ENGINE_FAILED);
	CHECK_EQUAL(run(&persistent, TOY_GIVES_UP, &answer), VTPM_E_ENGINE_FAILED);
	CHECK_EQUAL(reset(&ephemeral), VTPM_OK);
	CHECK_EQUAL(info(&ephemeral, VTPM_INFO_STATE, 1), VTPM_STATE_BOUND);
	CHECK_EQUAL(run(&ephemeral, ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(reset(&persistent), VTPM_E_BAD_STATE);
}

PROMISE(reset_makes_an_ephemeral_tpm_anew_and_keeps_a_persistent_one)
{
	struct instance ephemeral, persistent;
	struct toy_answer before, after;

	CHECK_EQUAL(create(1, 0, 1, 0, &ephemeral), VTPM_OK);
	CHECK_EQUAL(create(2, VTPM_REQUIRE_PERSISTENT, 1, 0, &persistent), VTPM_OK);
	CHECK_EQUAL(run(&ephemeral, ANY_COMMAND, &before), VTPM_OK);
	CHECK_EQUAL(reset(&ephemeral), VTPM_OK);
	CHECK_EQUAL(run(&ephemeral, ANY_COMMAND, &after), VTPM_OK);
	CHECK(memcmp(before.seed, after.seed, sizeof(before.seed)) != 0);
	CHECK_EQUAL(after.commands, 1);
	CHECK_EQUAL(run(&persistent, ANY_COMMAND, &before), VTPM_OK);
	CHECK_EQUAL(reset(&persistent), VTPM_OK);
	CHECK_EQUAL(run(&persistent, ANY_COMMAND, &after), VTPM_OK);
	CHECK(memcmp(before.seed, after.seed, sizeof(before.seed)) == 0);
	CHECK_EQUAL(after.resets, 1);
}

static struct instance running;
static int64_t statuses[6];

static void everything_at_once(void)
{
	statuses[0] = forward(&running);
	statuses[1] = destroy(&running);
	statuses[2] = manage(VTPM_FID_RESET, running.handle, 0, 0, 0, 0, NULL);
	statuses[3] = bind(&running, 5, BASE, 1, 0);
	statuses[4] = manage(VTPM_FID_INFO, running.handle, 0, 0, 0, 0, NULL);
	statuses[5] = manage(VTPM_FID_LIMITS, 0, 0, 0, 0, 0, NULL);
}

PROMISE(an_instance_at_work_is_busy_for_others_and_goes_on)
{
	struct toy_answer answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &running), VTPM_OK);
	host.while_engine_runs = everything_at_once;
	CHECK_EQUAL(run(&running, ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(statuses[0], VTPM_E_BUSY);
	CHECK_EQUAL(statuses[1], VTPM_E_BUSY);
	CHECK_EQUAL(statuses[2], VTPM_E_BUSY);
	CHECK_EQUAL(statuses[3], VTPM_E_BUSY);
	CHECK_EQUAL(statuses[4], VTPM_OK);
	CHECK_EQUAL(statuses[5], VTPM_OK);
	CHECK_EQUAL(answer.commands, 1);
}
