/* SPDX-License-Identifier: BSD-3-Clause */
/* Life cycle, handles, identities, pools and windows. */
#include <string.h>

#include "calls.h"
#include "promise.h"

#define BASE_A 0x44000000
#define BASE_B 0x45000000
#define ANY_COMMAND 0x17b

static uint64_t limit(uint64_t selector, int x)
{
	struct vtpm_answer answer;

	CHECK_EQUAL(manage(VTPM_FID_LIMITS, selector, 0, 0, 0, 0, &answer), VTPM_OK);
	return answer.x[x];
}

static uint64_t info(const struct instance *instance, uint64_t selector, int x)
{
	struct vtpm_answer answer;

	CHECK_EQUAL(manage(VTPM_FID_INFO, instance->handle, selector, 0, 0, 0, &answer), VTPM_OK);
	return answer.x[x];
}

static int64_t destroy(const struct instance *instance)
{
	return manage(VTPM_FID_DESTROY, instance->handle, 0, 0, 0, 0, NULL);
}

static int64_t reset(struct instance *instance)
{
	instance->head = 0;
	return manage(VTPM_FID_RESET, instance->handle, 0, 0, 0, 0, NULL);
}

PROMISE(requirements_that_cannot_be_honoured_are_refused_by_name)
{
	struct instance out;

	CHECK_EQUAL(create(0, 0, 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, VTPM_PROFILE_COUNT, 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(create(1, 1 << 9, 1, 0, &out), VTPM_E_BAD_REQUIREMENT);
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

PROMISE(more_instances_than_windows_keep_their_state)
{
	struct instance instances[3 * VTPM_WINDOW_COUNT];
	struct toy_answer born[3 * VTPM_WINDOW_COUNT];
	struct toy_answer answer;

	for (uint32_t i = 0; i < 3 * VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
		CHECK_EQUAL(run(&instances[i], ANY_COMMAND, &born[i]), VTPM_OK);
	}
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 5), 2 * VTPM_WINDOW_COUNT);
	for (uint32_t round = 2; round < 5; round++) {
		for (uint32_t i = 0; i < 3 * VTPM_WINDOW_COUNT; i++) {
			CHECK_EQUAL(run(&instances[i], ANY_COMMAND, &answer), VTPM_OK);
			CHECK(memcmp(answer.seed, born[i].seed, sizeof(answer.seed)) == 0);
			CHECK_EQUAL(answer.commands, round);
		}
	}
	CHECK_EQUAL(info(&instances[0], VTPM_INFO_TICKS, 5), 3);
}

PROMISE(the_least_recently_used_instance_is_moved_out)
{
	struct instance instances[VTPM_WINDOW_COUNT + 1];
	struct toy_answer answer;

	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(run(&instances[0], ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(create(9, 0, 1, 0, &instances[VTPM_WINDOW_COUNT]), VTPM_OK);
	CHECK_EQUAL(info(&instances[0], VTPM_INFO_TICKS, 6), 0);
	CHECK_EQUAL(info(&instances[1], VTPM_INFO_TICKS, 6), 1);
	CHECK_EQUAL(info(&instances[2], VTPM_INFO_TICKS, 6), 0);
}

PROMISE(an_idle_instance_leaves_no_trace_in_the_window_it_left)
{
	struct instance instances[VTPM_WINDOW_COUNT + 1];
	struct toy_answer first, answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instances[0]), VTPM_OK);
	CHECK_EQUAL(run(&instances[0], ANY_COMMAND, &first), VTPM_OK);
	for (uint32_t i = 1; i <= VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
		CHECK_EQUAL(run(&instances[i], ANY_COMMAND, &answer), VTPM_OK);
	}
	for (uint64_t pa = VTPM_WINDOWS_PA; pa < VTPM_WINDOWS_PA + VTPM_WINDOW_COUNT * ENGINE_WINDOW_BYTES; pa += 8) {
		CHECK(memcmp(host_secure(pa), first.seed, sizeof(first.seed)) != 0);
	}
}

PROMISE(a_grown_image_takes_more_pages_and_gives_them_back)
{
	struct instance instances[VTPM_WINDOW_COUNT + 1];
	struct toy_answer answer;
	uint64_t free_before = limit(VTPM_LIMITS_INSTANCES, 4);

	CHECK_EQUAL(create(1, 0, 1, 0, &instances[0]), VTPM_OK);
	CHECK_EQUAL(run(&instances[0], TOY_GROWS, &answer), VTPM_OK);
	for (uint32_t i = 1; i <= VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 4), 0x8000);
	CHECK_EQUAL(run(&instances[0], ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(answer.commands, 2);
	for (uint32_t i = 0; i <= VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(destroy(&instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 4), free_before);
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 4), 0);
}

PROMISE(an_image_is_scrubbed_when_its_instance_dies)
{
	struct instance instances[2 * VTPM_WINDOW_COUNT];

	for (uint32_t i = 0; i < 2 * VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 5), VTPM_WINDOW_COUNT);
	CHECK(!host_secrets_are_gone());
	for (uint32_t i = 0; i < 2 * VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(destroy(&instances[i]), VTPM_OK);
	}
	CHECK(host_secrets_are_gone());
}

PROMISE(an_image_outside_its_window_fails_its_instance_only)
{
	struct instance instances[VTPM_WINDOW_COUNT + 1];
	struct toy_answer answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instances[0]), VTPM_OK);
	CHECK_EQUAL(run(&instances[0], TOY_BREAKS_IMAGE, &answer), VTPM_OK);
	for (uint32_t i = 1; i <= VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(info(&instances[0], VTPM_INFO_STATE, 1), VTPM_STATE_FAILED);
	CHECK_EQUAL(run(&instances[VTPM_WINDOW_COUNT], ANY_COMMAND, &answer), VTPM_OK);
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
		CHECK_EQUAL(bind(&broken, 5, BASE_A, 1, 0), VTPM_E_BAD_STATE);
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
	CHECK_EQUAL(bind(&ephemeral, 5, BASE_A, 1, 0), VTPM_OK);
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

PROMISE(a_guest_rings_only_what_is_bound_to_its_identity)
{
	struct instance mine, other;
	const struct vtpm_caller me = guest_of(5, BASE_A);
	const struct vtpm_caller wrong_base = guest_of(5, BASE_B);
	const struct vtpm_caller wrong_vmid = guest_of(6, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &mine), VTPM_OK);
	CHECK_EQUAL(create(2, 0, 1, 0, &other), VTPM_OK);
	CHECK_EQUAL(ring(&me, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(bind(&mine, 5, BASE_A, 1, 0), VTPM_OK);
	CHECK_EQUAL(bind(&other, 6, BASE_B, 1, 0), VTPM_OK);
	CHECK_EQUAL(ring(&me, 0), VTPM_OK);
	CHECK_EQUAL(ring(&me, 1), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(ring(&wrong_base, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(ring(&wrong_vmid, 0), VTPM_E_NOT_PERMITTED);
}

PROMISE(a_recycled_identity_rings_nothing_until_it_is_bound_again)
{
	struct instance first, second;
	const struct vtpm_caller guest = guest_of(5, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &first), VTPM_OK);
	CHECK_EQUAL(bind(&first, 5, BASE_A, 1, 0), VTPM_OK);
	CHECK_EQUAL(destroy(&first), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(create(2, 0, 1, 0, &second), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(bind(&second, 5, BASE_A, 2, 0), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 0), VTPM_OK);
}

PROMISE(only_a_later_epoch_takes_an_identity_from_another_vm)
{
	struct instance first, sister, second;
	const struct vtpm_caller guest = guest_of(5, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &first), VTPM_OK);
	CHECK_EQUAL(create(1, 0, 1, 1, &sister), VTPM_OK);
	CHECK_EQUAL(create(2, 0, 1, 0, &second), VTPM_OK);
	CHECK_EQUAL(bind(&first, 5, BASE_A, 7, 0), VTPM_OK);
	CHECK_EQUAL(bind(&sister, 5, BASE_A, 7, 0), VTPM_OK);
	CHECK_EQUAL(bind(&second, 5, BASE_A, 7, 0), VTPM_E_STALE_EPOCH);
	CHECK_EQUAL(info(&first, VTPM_INFO_STATE, 1), VTPM_STATE_BOUND);
	CHECK_EQUAL(bind(&second, 5, BASE_A, 8, 0), VTPM_OK);
	CHECK_EQUAL(info(&first, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	CHECK_EQUAL(info(&sister, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	CHECK_EQUAL(ring(&guest, 0), VTPM_OK);
	CHECK_EQUAL(ring(&guest, 1), VTPM_E_NOT_PERMITTED);
}

PROMISE(malformed_bindings_are_refused_by_name)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 0x10000, BASE_A, 1, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 0, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 5, 0, 1, 0), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A + 8, 1, 0), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, UINT64_C(1) << 48, 1, 0), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, 0x123), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, (UINT64_C(1) << 48) - VTPM_PAGE_BYTES), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, UINT64_MAX - 4095), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
}

PROMISE(without_an_identity_bind_only_says_where_the_queue_is)
{
	struct instance instance;
	const struct vtpm_caller nobody = guest_of(0, 0);
	const struct vtpm_caller guest = guest_of(5, BASE_A);

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 0, 0, 0, 0x80000000), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_LADDR), 0x80000000 + VTPM_PAGE_BYTES);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	CHECK_EQUAL(ring(&nobody, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(bind(&instance, 0, 0, 0, 0x123), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(bind(&instance, 5, BASE_A, 1, 0x80000000), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 0, 0, 0, 0x90000000), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_LADDR), 0x90000000 + VTPM_PAGE_BYTES);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_BOUND);
	CHECK_EQUAL(ring(&guest, 0), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 5, 0, 0, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 0, BASE_A, 0, 0), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(bind(&instance, 0, 0, 1, 0), VTPM_E_BAD_ADDRESS);
}

static struct instance running;
static int64_t statuses[8];

static void everything_at_once(void)
{
	statuses[0] = forward(&running);
	statuses[1] = destroy(&running);
	statuses[2] = manage(VTPM_FID_RESET, running.handle, 0, 0, 0, 0, NULL);
	statuses[3] = bind(&running, 5, BASE_A, 1, 0);
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

static struct instance crowd[VTPM_WINDOW_COUNT + 1];
static uint32_t depth;

static void next_cpu_runs_the_next_instance(void)
{
	struct toy_answer answer;
	uint32_t mine = depth++;

	if (mine < VTPM_WINDOW_COUNT) {
		host.while_engine_runs = next_cpu_runs_the_next_instance;
		statuses[mine] = run(&crowd[mine + 1], ANY_COMMAND, &answer);
	}
}

PROMISE(with_every_window_at_work_the_next_one_is_busy_not_stuck)
{
	struct toy_answer answer;

	for (uint32_t i = 0; i <= VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &crowd[VTPM_WINDOW_COUNT - i]), VTPM_OK);
	}
	host.while_engine_runs = next_cpu_runs_the_next_instance;
	CHECK_EQUAL(run(&crowd[0], ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(statuses[0], VTPM_OK);
	CHECK_EQUAL(statuses[1], VTPM_OK);
	CHECK_EQUAL(statuses[2], VTPM_E_BUSY);
}
