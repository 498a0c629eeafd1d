/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of a command that is interrupted: it goes on when its caller calls again, or when somebody else needs
 * what it holds; and nobody is locked out by it.
 */
#include "calls.h"
#include "promise.h"
#include "state.h"

#define VMID 7
#define BASE 0x40000000
#define ANY_COMMAND 0x17b
#define HYPERVISOR                                                                                                     \
	(struct vtpm_caller)                                                                                           \
	{                                                                                                              \
		.origin = VTPM_FROM_HYPERVISOR                                                                         \
	}

/* Makes a call once, as a caller whose CPU does something else after an interrupt. Returns true if it was answered. */
static bool call_once(const struct vtpm_caller *caller, uint64_t fid, uint64_t x1, uint64_t x2, uint64_t x3,
		      struct vtpm_answer *answer)
{
	const struct vtpm_call call = {.x = {fid, x1, x2, x3}, .caller = *caller};

	host_watch_reads();
	return vtpm_dispatch(&call, answer);
}

static void start_and_leave(const struct vtpm_caller *caller, uint64_t fid, uint64_t x1)
{
	struct vtpm_answer answer;

	host.parks = 1;
	CHECK(!call_once(caller, fid, x1, 0, 0, &answer));
	CHECK_EQUAL(host.parks, 0);
}

PROMISE(a_command_that_is_interrupted_again_and_again_is_executed_once)
{
	struct instance instance;
	uint64_t before;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	before = seen.engine_calls;
	host.parks = 100;
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.repeats, 100);
	CHECK_EQUAL(seen.engine_calls, before + 1);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 5), 1);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 1);
}

PROMISE(an_interrupted_create_and_reset_succeed)
{
	struct instance instance;

	host.parks = 3;
	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(seen.repeats, 3);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 2), 1);
	host.parks = 3;
	CHECK_EQUAL(reset(&instance), VTPM_OK);
	CHECK_EQUAL(seen.repeats, 6);
	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_E_EXISTS);
}

PROMISE(another_vcpu_goes_on_with_a_doorbell_that_the_first_has_left)
{
	const struct vtpm_caller guest = guest_of(VMID, BASE);
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(bind(&instance, VMID, BASE, 1, 0), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	start_and_leave(&guest, VTPM_FID_DOORBELL, 0);
	CHECK_EQUAL(ring(&guest, 0), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 1);
}

PROMISE(a_failure_behind_an_interrupt_is_the_answer_of_the_call_that_is_made_again)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	submit(&instance, TOY_GIVES_UP, VTPM_TPM_HEADER_BYTES);
	host.parks = 2;
	CHECK_EQUAL(forward(&instance), VTPM_E_ENGINE_FAILED);
}

PROMISE(a_parked_command_is_finished_before_its_instance_is_reset)
{
	struct instance instance;

	CHECK_EQUAL(create(1, VTPM_REQUIRE_PERSISTENT, 1, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	start_and_leave(&HYPERVISOR, VTPM_FID_FORWARD, instance.handle);
	CHECK_EQUAL(reset(&instance), VTPM_OK);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 5), 1);
}

PROMISE(a_parked_instance_can_be_destroyed_also_with_interrupts_masked)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	start_and_leave(&HYPERVISOR, VTPM_FID_FORWARD, instance.handle);
	host.masked = true;
	CHECK_EQUAL(destroy(&instance), VTPM_OK);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 2), 0);
	CHECK(host_secrets_are_gone());
}

PROMISE(a_caller_that_masks_interrupts_is_not_held_by_the_work_of_others)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	start_and_leave(&HYPERVISOR, VTPM_FID_FORWARD, instance.handle);
	host.masked = true;
	CHECK_EQUAL(reset(&instance), VTPM_E_BUSY);
	host.masked = false;
	CHECK_EQUAL(reset(&instance), VTPM_OK);
}

PROMISE(instances_that_hold_all_windows_and_do_not_come_back_do_not_lock_out_others)
{
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;

	CHECK_EQUAL(create(100, 0, 1, 0, &other), VTPM_OK);
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
		submit(&instances[i], ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	}
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		start_and_leave(&HYPERVISOR, VTPM_FID_FORWARD, instances[i].handle);
	}
	submit(&other, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	host.masked = true;
	CHECK_EQUAL(forward(&other), VTPM_E_BUSY);
	host.masked = false;
	CHECK_EQUAL(forward(&other), VTPM_OK);
	CHECK_EQUAL(control_read(&other, VTPM_RING_TAIL), 1);
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(forward(&instances[i]), VTPM_OK);
		CHECK_EQUAL(control_read(&instances[i], VTPM_RING_TAIL), 1);
	}
}

/* Fills all windows with instances that another one must wait for; `first` is the oldest of them. */
static void park_all(struct instance instances[VTPM_WINDOW_COUNT])
{
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, VTPM_REQUIRE_PERSISTENT, 1, 0, &instances[i]), VTPM_OK);
	}
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		submit(&instances[i], i == 0 ? TOY_GIVES_UP : ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
		start_and_leave(&HYPERVISOR, VTPM_FID_FORWARD, instances[i].handle);
	}
}

PROMISE(the_caller_of_a_call_that_another_has_finished_gets_its_answer_once)
{
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;

	park_all(instances);
	CHECK_EQUAL(create(100, 0, 1, 0, &other), VTPM_OK);
	CHECK_EQUAL(info(&instances[0], VTPM_INFO_STATE, 1), VTPM_STATE_FAILED);
	CHECK_EQUAL(forward(&instances[0]), VTPM_E_ENGINE_FAILED);
	CHECK_EQUAL(forward(&instances[0]), VTPM_E_BAD_STATE);
}

PROMISE(an_answer_that_nobody_has_come_for_does_not_outlive_its_instance)
{
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;
	struct instance next;

	park_all(instances);
	CHECK_EQUAL(create(100, 0, 1, 0, &other), VTPM_OK);
	CHECK_EQUAL(destroy(&instances[0]), VTPM_OK);
	CHECK_EQUAL(forward(&instances[0]), VTPM_E_BAD_HANDLE);
	CHECK_EQUAL(create(200, 0, 1, 0, &next), VTPM_OK);
}

PROMISE(a_create_that_another_has_finished_returns_its_handle)
{
	const struct vtpm_call first = {.x = {VTPM_FID_CREATE, 1, 0, 1, 0}, .caller = HYPERVISOR};
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;
	struct vtpm_answer answer;

	CHECK_EQUAL(create(100, 0, 1, 0, &other), VTPM_OK);
	for (uint32_t i = 1; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	host.parks = 1;
	CHECK(!vtpm_dispatch(&first, &answer)); /* it has the window that `other` had */
	for (uint32_t i = 1; i < VTPM_WINDOW_COUNT; i++) {
		submit(&instances[i], ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
		start_and_leave(&HYPERVISOR, VTPM_FID_FORWARD, instances[i].handle);
	}
	submit(&other, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	CHECK_EQUAL(forward(&other), VTPM_OK);
	CHECK(vtpm_dispatch(&first, &answer));
	CHECK_EQUAL(answer.x[0], VTPM_OK);
	CHECK_EQUAL(manage(VTPM_FID_INFO, answer.x[1], VTPM_INFO_STATE, 0, 0, 0, NULL), VTPM_OK);
	CHECK_EQUAL(answer.x[3], 2 * VTPM_PAGE_BYTES);
}

PROMISE(a_hypervisor_that_asks_for_it_is_told_of_an_interrupt_and_goes_on_when_it_likes)
{
	struct instance instance;
	struct vtpm_answer answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	host.masked = true;
	host.parks = 2;
	for (uint32_t interrupts = 0; interrupts < 2; interrupts++) {
		CHECK(call_once(&HYPERVISOR, VTPM_FID_FORWARD, instance.handle, VTPM_TELL_MORE, 0, &answer));
		CHECK_EQUAL((int64_t)answer.x[0], VTPM_E_MORE);
	}
	CHECK(call_once(&HYPERVISOR, VTPM_FID_FORWARD, instance.handle, VTPM_TELL_MORE, 0, &answer));
	CHECK_EQUAL((int64_t)answer.x[0], VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 1);
	host.parks = 1;
	CHECK(call_once(&HYPERVISOR, VTPM_FID_RESET, instance.handle, VTPM_TELL_MORE, 0, &answer));
	CHECK_EQUAL((int64_t)answer.x[0], VTPM_E_MORE);
	CHECK(call_once(&HYPERVISOR, VTPM_FID_RESET, instance.handle, VTPM_TELL_MORE, 0, &answer));
	CHECK_EQUAL((int64_t)answer.x[0], VTPM_OK);
}

PROMISE(cancel_reaches_the_command_that_is_being_executed_and_no_other)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	start_and_leave(&HYPERVISOR, VTPM_FID_FORWARD, instance.handle);
	control_write(&instance, VTPM_CRB_CTRL_CANCEL, 1);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.cancelled, 1);
	control_write(&instance, VTPM_CRB_CTRL_CANCEL, 0);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	host.parks = 2;
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.cancelled, 1);
}

/* Fills all windows, so that the first of the instances has to leave when another one needs a window. */
static void fill_windows(struct instance instances[VTPM_WINDOW_COUNT])
{
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, VTPM_REQUIRE_PERSISTENT, 1, 0, &instances[i]), VTPM_OK);
	}
}

PROMISE(every_call_comes_to_its_end_though_an_interrupt_comes_between_any_two_pieces_of_its_work)
{
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;

	host.breaths = UINT32_MAX;
	fill_windows(instances);
	CHECK_EQUAL(create(100, 0, VTPM_MAX_SLOTS, 0, &other), VTPM_OK);
	CHECK_EQUAL(info(&instances[0], VTPM_INFO_TICKS, 6), 1);
	submit(&instances[0], ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	CHECK_EQUAL(forward(&instances[0]), VTPM_OK);
	CHECK_EQUAL(reset(&other), VTPM_OK);
	CHECK_EQUAL(destroy(&other), VTPM_OK);
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(destroy(&instances[i]), VTPM_OK);
	}
	CHECK(seen.repeats > VTPM_WINDOW_COUNT * (ENGINE_WINDOW_BYTES / 0x4000));
	CHECK(host_secrets_are_gone());
}

/* Has `other` begin to move the first instance out of its window, and stop there. */
static void stop_in_the_middle_of_a_move(struct instance instances[VTPM_WINDOW_COUNT], struct instance *other)
{
	struct vtpm_answer answer;

	CHECK_EQUAL(create(100, VTPM_REQUIRE_PERSISTENT, 1, 0, other), VTPM_OK);
	fill_windows(instances);
	submit(other, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	host.breaths = 1;
	CHECK(!call_once(&HYPERVISOR, VTPM_FID_FORWARD, other->handle, 0, 0, &answer));
	CHECK_EQUAL(host.breaths, 0);
}

PROMISE(an_instance_that_is_being_moved_out_by_a_parked_call_need_not_wait_for_its_caller)
{
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;

	stop_in_the_middle_of_a_move(instances, &other);
	submit(&instances[0], ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	host.masked = true;
	CHECK_EQUAL(forward(&instances[0]), VTPM_E_BUSY);
	CHECK_EQUAL(seen.waits, 0);
	host.masked = false;
	CHECK_EQUAL(forward(&instances[0]), VTPM_OK);
	CHECK_EQUAL(control_read(&instances[0], VTPM_RING_TAIL), 1);
	CHECK_EQUAL(forward(&other), VTPM_OK);
	CHECK_EQUAL(control_read(&other, VTPM_RING_TAIL), 1);
}

PROMISE(whose_move_is_parked_survives_the_end_of_the_one_that_moves_it)
{
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;

	stop_in_the_middle_of_a_move(instances, &other);
	CHECK_EQUAL(destroy(&other), VTPM_OK);
	CHECK_EQUAL(info(&instances[0], VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
	submit(&instances[0], ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	CHECK_EQUAL(forward(&instances[0]), VTPM_OK);
}

PROMISE(an_instance_of_which_the_move_is_parked_can_be_destroyed_and_nobody_else_ends)
{
	struct instance instances[VTPM_WINDOW_COUNT];
	struct instance other;

	stop_in_the_middle_of_a_move(instances, &other);
	CHECK_EQUAL(destroy(&instances[0]), VTPM_OK);
	CHECK_EQUAL(forward(&other), VTPM_OK);
	CHECK_EQUAL(control_read(&other, VTPM_RING_TAIL), 1);
	CHECK_EQUAL(info(&other, VTPM_INFO_STATE, 1), VTPM_STATE_CREATED);
}

PROMISE(a_destroy_that_is_parked_goes_on_and_says_so_to_whoever_made_it)
{
	struct vtpm_call first = {.x = {VTPM_FID_DESTROY}, .caller = HYPERVISOR};
	struct instance instance;
	struct vtpm_answer answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	first.x[1] = instance.handle;
	host.breaths = 1;
	CHECK(!vtpm_dispatch(&first, &answer));
	CHECK_EQUAL(reset(&instance), VTPM_E_BAD_HANDLE);
	CHECK(vtpm_dispatch(&first, &answer));
	CHECK_EQUAL(answer.x[0], VTPM_OK);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 2), 0);
	CHECK(host_secrets_are_gone());
}
