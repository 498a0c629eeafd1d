/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several CPUs at once: each thread creates, runs, resets and destroys instances, also those of others. Whatever they
 * do, only documented codes come back, nobody gets stuck, and in the end the machine is as empty as in the beginning.
 */
#include <pthread.h>
#include <string.h>

#include "calls.h"
#include "promise.h"

#define CPUS 4
#define ROUNDS 3000
#define SHARED 6

static uint64_t handles[SHARED];

void promise_add(struct promise *promise)
{
	(void)promise;
}

static int64_t call(uint64_t fid, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, struct vtpm_answer *answer)
{
	const struct vtpm_call request = {{fid, x1, x2, x3, x4}, {.origin = VTPM_FROM_HYPERVISOR}};

	while (!vtpm_dispatch(&request, answer)) {
	}
	CHECK((int64_t)answer->x[0] <= VTPM_OK && (int64_t)answer->x[0] >= VTPM_E_STALE_EPOCH);
	return (int64_t)answer->x[0];
}

static void ring_forward(const struct instance *instance, struct vtpm_answer *answer)
{
	static const uint8_t command[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8};

	memcpy(slot_of(instance, 0), command, sizeof(command));
	control_write(instance, VTPM_CRB_CTRL_START, 1);
	if (call(VTPM_FID_FORWARD, instance->handle, 0, 0, 0, answer) == VTPM_OK) {
		CHECK_EQUAL(slot_of(instance, 0)[5], VTPM_TPM_HEADER_BYTES + sizeof(struct toy_answer));
	} else {
		CHECK_EQUAL(answer->x[0], VTPM_E_BUSY);
	}
}

/* Its own instance works, or is told BUSY when others hold every window; there are fewer windows than CPUs. */
static void live_alone(uint64_t vm_id, struct vtpm_answer *answer)
{
	struct instance mine;

	if (call(VTPM_FID_CREATE, vm_id, 0, 1, 0, answer) != VTPM_OK) {
		CHECK((int64_t)answer->x[0] == VTPM_E_BUSY || (int64_t)answer->x[0] == VTPM_E_NO_SPACE);
		return;
	}
	mine = (struct instance){answer->x[1], answer->x[2], answer->x[3], 0};
	ring_forward(&mine, answer);
	CHECK_EQUAL(call(VTPM_FID_DESTROY, mine.handle, 0, 0, 0, answer), VTPM_OK);
}

static void meddle(uint64_t random, struct vtpm_answer *answer)
{
	uint64_t *shared = &handles[random % SHARED];
	uint64_t handle = __atomic_load_n(shared, __ATOMIC_RELAXED);

	switch (random / SHARED % 5) {
	case 0:
		if (call(VTPM_FID_CREATE, 100 + random % SHARED, 0, 1, 0, answer) == VTPM_OK) {
			__atomic_store_n(shared, answer->x[1], __ATOMIC_RELAXED);
		}
		break;
	case 1:
		call(VTPM_FID_DESTROY, handle, 0, 0, 0, answer);
		break;
	case 2:
		call(VTPM_FID_RESET, handle, 0, 0, 0, answer);
		break;
	case 3:
		call(VTPM_FID_BIND, handle, random % 3, 0x44000000, 1 + random % 7, answer);
		break;
	default:
		call(VTPM_FID_FORWARD, handle, 0, 0, 0, answer);
		break;
	}
}

static void *cpu(void *argument)
{
	uint64_t number = (uint64_t)(uintptr_t)argument;
	uint64_t random = number * 77 + 1;
	struct vtpm_answer answer;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		random = random * UINT64_C(6364136223846793005) + 1;
		meddle(random >> 33, &answer);
		live_alone(1 + number, &answer);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[CPUS];
	struct vtpm_answer before, after, ignored;

	host_start();
	call(VTPM_FID_LIMITS, VTPM_LIMITS_INSTANCES, 0, 0, 0, &before);
	for (uint64_t i = 0; i < CPUS; i++) {
		CHECK(pthread_create(&threads[i], NULL, cpu, (void *)(uintptr_t)i) == 0);
	}
	for (uint64_t i = 0; i < CPUS; i++) {
		pthread_join(threads[i], NULL);
	}
	for (uint64_t i = 0; i < SHARED; i++) {
		call(VTPM_FID_DESTROY, handles[i], 0, 0, 0, &ignored);
	}
	call(VTPM_FID_LIMITS, VTPM_LIMITS_INSTANCES, 0, 0, 0, &after);
	CHECK(memcmp(&before, &after, sizeof(before)) == 0);
	CHECK(host_secrets_are_gone());
	return 0;
}
