/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows are fewer than instances: who gets one when somebody will not leave. */
#include "calls.h"
#include "promise.h"

#define ANY_COMMAND 0x17b

static uint64_t instances_possible(void)
{
	struct vtpm_answer answer;

	manage(VTPM_FID_LIMITS, VTPM_LIMITS_INSTANCES, 0, 0, 0, 0, &answer);
	return answer.x[1];
}

static uint64_t evictions_of(const struct instance *instance)
{
	struct vtpm_answer answer;

	manage(VTPM_FID_INFO, instance->handle, VTPM_INFO_TICKS, 0, 0, 0, &answer);
	return answer.x[6];
}

/* A guest decides how large its image is. If that is too large to be moved out, it must not be others that pay. */
PROMISE(an_instance_that_cannot_leave_its_window_keeps_no_other_out)
{
	struct instance instances[VTPM_MAX_INSTANCES];
	struct toy_answer answer;
	uint64_t possible = instances_possible();

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
	CHECK_EQUAL(evictions_of(&instances[0]), 1);
	CHECK_EQUAL(run(&instances[0], ANY_COMMAND, &answer), VTPM_OK);
	CHECK_EQUAL(answer.commands, 2);
}

PROMISE(when_no_instance_can_leave_its_window_the_caller_is_told_and_nothing_is_lost)
{
	struct instance instances[VTPM_MAX_INSTANCES];
	struct toy_answer answer;
	uint64_t possible = instances_possible();

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
	CHECK_EQUAL(manage(VTPM_FID_DESTROY, instances[0].handle, 0, 0, 0, 0, NULL), VTPM_OK);
	CHECK_EQUAL(forward(&instances[VTPM_WINDOW_COUNT]), VTPM_OK);
}
