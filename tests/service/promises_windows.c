/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows are fewer than instances: who gets one, and what becomes of the others. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "calls.h"
#include "promise.h"

#define ANY_COMMAND 0x17b

/* A guest decides how large its image is. If that is too large to be moved out, it must not be others that pay. */
PROMISE(an_instance_that_cannot_leave_its_window_keeps_no_other_out)
{
	struct instance instances[VTPM_MAX_INSTANCES];
	struct toy_answer answer;
	uint64_t possible = limit(VTPM_LIMITS_INSTANCES, 1);

	CHECK(possible > VTPM_WINDOW_COUNT && possible <= VTPM_MAX_INSTANCES);
	for (uint64_t i = 0; i < possible; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(run(&instances[0], TOY_GROWS, &answer), VTPM_OK);
	for (uint64_t round = 0; round < 2; round++) {
		for (uint64_t i = 1; i < possible; i++) {
			CHECK_EQUAL(run(&instances[i], ANY_COMMAND, &answer), VTPM_OK);
		}
	}
	CHECK_EQUAL(info(&instances[0], VTPM_INFO_TICKS, 6), 1);
	CHECK_EQUAL(run(&instances[0], ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(answer.commands, 2);
}

PROMISE(when_no_instance_can_leave_its_window_the_caller_is_told_and_nothing_is_lost)
{
	struct instance instances[VTPM_MAX_INSTANCES];
	struct toy_answer answer;
	uint64_t possible = limit(VTPM_LIMITS_INSTANCES, 1);

	for (uint64_t i = 0; i < possible; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	for (uint64_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(run(&instances[i], TOY_GROWS, &answer), VTPM_OK);
	}
	CHECK_EQUAL(run(&instances[VTPM_WINDOW_COUNT], ANY_COMMAND, &answer), VTPM_E_NO_SPACE);
	for (uint64_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(run(&instances[i], ANY_COMMAND, &answer), VTPM_OK);
		CHECK_EQUAL(answer.commands, 2);
	}
	CHECK_EQUAL(destroy(&instances[0]), VTPM_OK);
	CHECK_EQUAL(forward(&instances[VTPM_WINDOW_COUNT]), VTPM_OK);
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

/* The seed lies in structures of words, so that it can begin at any word. */
static bool holds(uint64_t start, uint64_t bytes, const struct toy_answer *secret)
{
	for (uint64_t pa = start; pa <= start + bytes - sizeof(secret->seed); pa += sizeof(uint32_t)) {
		if (memcmp(host_secure(pa), secret->seed, sizeof(secret->seed)) == 0) {
			return true;
		}
	}
	return false;
}

static bool windows_hold(const struct toy_answer *secret)
{
	return holds(VTPM_WINDOWS_PA, VTPM_WINDOW_COUNT * (uint64_t)ENGINE_WINDOW_BYTES, secret);
}

static bool pool_holds(const struct toy_answer *secret)
{
	return holds(VTPM_IMAGE_POOL_PA, VTPM_IMAGE_POOL_BYTES, secret);
}

PROMISE(an_idle_instance_leaves_no_trace_in_the_window_it_left)
{
	struct instance instances[VTPM_WINDOW_COUNT + 1];
	struct toy_answer first, answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instances[0]), VTPM_OK);
	CHECK_EQUAL(run(&instances[0], ANY_COMMAND, &first), VTPM_OK);
	CHECK(windows_hold(&first));
	for (uint32_t i = 1; i <= VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
		CHECK_EQUAL(run(&instances[i], ANY_COMMAND, &answer), VTPM_OK);
	}
	CHECK(!windows_hold(&first));
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

/* Lets everybody else have the windows, so that an instance has to leave its own. */
static void crowd_out(struct instance others[VTPM_WINDOW_COUNT])
{
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT; i++) {
		CHECK_EQUAL(create(1000 + i, 0, 1, 0, &others[i]), VTPM_OK);
	}
}

/* Where an image is and how large it is, is the engine's word; EL3 must not copy what that word leads it to. */
PROMISE(an_image_that_is_empty_or_does_not_fit_fails_its_instance_only)
{
	static const uint32_t lies[] = {TOY_EMPTIES_IMAGE, TOY_OVERFLOWS_STAGING};
	struct instance others[VTPM_WINDOW_COUNT];
	struct instance liar;
	struct toy_answer answer;

	for (uint32_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		CHECK_EQUAL(create(1, 0, 1, 0, &liar), VTPM_OK);
		CHECK_EQUAL(run(&liar, lies[i], &answer), VTPM_OK);
		crowd_out(others);
		CHECK_EQUAL(info(&liar, VTPM_INFO_STATE, 1), VTPM_STATE_FAILED);
		CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 5), 0);
		CHECK_EQUAL(destroy(&liar), VTPM_OK);
		for (uint32_t other = 0; other < VTPM_WINDOW_COUNT; other++) {
			CHECK_EQUAL(run(&others[other], ANY_COMMAND, &answer), VTPM_OK);
			CHECK_EQUAL(destroy(&others[other]), VTPM_OK);
		}
	}
	CHECK(host_secrets_are_gone());
}

PROMISE(an_image_may_be_as_large_as_the_staging_area)
{
	struct instance others[VTPM_WINDOW_COUNT];
	struct instance instance;
	struct toy_answer answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(run(&instance, TOY_FILLS_STAGING, &answer), VTPM_OK);
	crowd_out(others);
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 4), host_engine_header().staging_bytes);
	CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(answer.commands, 2);
}

/* The pages reserved for the next image stay the instance's; what it was stays in its window alone. */
PROMISE(an_image_is_scrubbed_once_its_instance_is_back_in_a_window)
{
	struct instance others[VTPM_WINDOW_COUNT];
	struct instance instance;
	struct toy_answer born, answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(run(&instance, ANY_COMMAND, &born), VTPM_OK);
	CHECK(!pool_holds(&born));
	crowd_out(others);
	CHECK(pool_holds(&born));
	CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_OK);
	CHECK(!pool_holds(&born));
}

PROMISE(an_image_is_scrubbed_when_its_instance_cannot_come_back)
{
	struct instance others[VTPM_WINDOW_COUNT];
	struct instance instance;
	struct toy_answer born, answer;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(run(&instance, TOY_SPOILS_IMAGE, &born), VTPM_OK);
	crowd_out(others);
	CHECK(pool_holds(&born));
	CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_E_ENGINE_FAILED);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 1), VTPM_STATE_FAILED);
	CHECK(!pool_holds(&born));
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 5), 1);
}

static struct instance leaving;
static struct vtpm_caller its_guest;
static int64_t its_status;
static bool its_cpu_runs;
static bool its_call_is_over;

static void *ring_on_another_cpu(void *ignored)
{
	(void)ignored;
	its_status = ring(&its_guest, 0);
	__atomic_store_n(&its_call_is_over, true, __ATOMIC_RELEASE);
	return NULL;
}

static pthread_t its_cpu;

/* The engine writes the image of `leaving` until its guest, on another CPU, waits for that, or does not. */
static void guest_rings_meanwhile(void)
{
	uint64_t before = __atomic_load_n(&seen.waits, __ATOMIC_RELAXED);

	if (its_cpu_runs) {
		return;
	}
	its_cpu_runs = true;
	CHECK_EQUAL(pthread_create(&its_cpu, NULL, ring_on_another_cpu, NULL), 0);
	while (__atomic_load_n(&seen.waits, __ATOMIC_RELAXED) == before &&
	       !__atomic_load_n(&its_call_is_over, __ATOMIC_ACQUIRE)) {
		sched_yield();
	}
}

/* An unmodified driver takes BUSY for a broken TPM. */
PROMISE(a_guest_whose_instance_is_being_moved_out_waits_for_that_and_is_served)
{
	struct instance others[VTPM_WINDOW_COUNT];

	its_guest = guest_of(5, 0x44000000);
	CHECK_EQUAL(create(1, 0, 1, 0, &leaving), VTPM_OK);
	CHECK_EQUAL(bind(&leaving, its_guest.vmid, its_guest.stage2_base.value, 1, 0), VTPM_OK);
	for (uint32_t i = 0; i < VTPM_WINDOW_COUNT - 1; i++) {
		CHECK_EQUAL(create(1000 + i, 0, 1, 0, &others[i]), VTPM_OK);
	}
	submit(&leaving, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	host.while_engine_runs = guest_rings_meanwhile;
	CHECK_EQUAL(create(9, 0, 1, 0, &others[VTPM_WINDOW_COUNT - 1]), VTPM_OK);
	CHECK_EQUAL(pthread_join(its_cpu, NULL), 0);
	CHECK_EQUAL(its_status, VTPM_OK);
	CHECK_EQUAL(entry_read(&leaving, 0, VTPM_ENTRY_STATE), VTPM_SLOT_DONE);
}

static struct instance crowd[VTPM_WINDOW_COUNT + 1];
static int64_t statuses[VTPM_WINDOW_COUNT];
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
