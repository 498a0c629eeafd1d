/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may call what, and what stands in the registers afterwards. */
#include <string.h>

#include "calls.h"
#include "promise.h"
#include "state.h"

static const uint64_t nothing[7];
static const uint64_t noise[7] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};

static const uint64_t management[] = {
	VTPM_FID_LIMITS,  VTPM_FID_CREATE, VTPM_FID_BIND,    VTPM_FID_INFO,    VTPM_FID_RESET,
	VTPM_FID_DESTROY, VTPM_FID_SAVE,   VTPM_FID_RESTORE, VTPM_FID_FORWARD,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

PROMISE(version_tells_version_and_features)
{
	const struct vtpm_caller anyone = {.origin = VTPM_FROM_OTHER};
	struct vtpm_answer answer;

	call_from(&anyone, VTPM_FID_VERSION, noise, &answer);
	CHECK_EQUAL(answer.x[0], VTPM_VERSION_MAJOR << 16 | VTPM_VERSION_MINOR);
	CHECK_EQUAL(answer.x[1], VTPM_FEATURE_ENTROPY_CPU | VTPM_FEATURE_PARKING);
}

PROMISE(smccc_queries_answer_uid_and_revision)
{
	const struct vtpm_caller anyone = {.origin = VTPM_FROM_OTHER};
	struct vtpm_answer answer;

	call_from(&anyone, VTPM_FID_CALL_UID, nothing, &answer);
	CHECK_EQUAL(answer.x[0], VTPM_UID_W0);
	CHECK_EQUAL(answer.x[1], VTPM_UID_W1);
	CHECK_EQUAL(answer.x[2], VTPM_UID_W2);
	CHECK_EQUAL(answer.x[3], VTPM_UID_W3);
	call_from(&anyone, VTPM_FID_REVISION, nothing, &answer);
	CHECK_EQUAL(answer.x[0], VTPM_VERSION_MAJOR);
	call_from(&anyone, VTPM_FID_CALL_COUNT, nothing, &answer);
	CHECK_EQUAL(answer.x[0], 28);
}

PROMISE(unknown_functions_are_not_supported)
{
	CHECK_EQUAL(manage(0xC3000021, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_SUPPORTED);
	CHECK_EQUAL(manage(0xC300000A, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_SUPPORTED);
	CHECK_EQUAL(manage(0x83000000, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_SUPPORTED);
	CHECK_EQUAL(manage(0xC300FFFF, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_SUPPORTED);
}

PROMISE(save_and_restore_do_not_pretend)
{
	CHECK_EQUAL(manage(VTPM_FID_SAVE, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_SUPPORTED);
	CHECK_EQUAL(manage(VTPM_FID_RESTORE, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_SUPPORTED);
}

PROMISE(management_is_for_the_hypervisor_only)
{
	const struct vtpm_caller guest = guest_of(1, 0x44000000);
	const struct vtpm_caller other = {.origin = VTPM_FROM_OTHER};

	for (size_t i = 0; i < COUNT(management); i++) {
		CHECK_EQUAL(call_from(&guest, management[i], noise, NULL), VTPM_E_NOT_PERMITTED);
		CHECK_EQUAL(call_from(&other, management[i], noise, NULL), VTPM_E_NOT_PERMITTED);
	}
}

/* VTTBR_EL2 still has the guest's identity when its hypervisor calls, which is not the guest's call for that. */
PROMISE(guest_calls_are_for_guests_only)
{
	const struct vtpm_caller beside_its_guest = {VTPM_FROM_HYPERVISOR, 0, pa_make(0x44000000)};
	const struct vtpm_caller secure = {VTPM_FROM_OTHER, 0, pa_make(0x44000000)};
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 0, 0x44000000, 1, 0), VTPM_OK);
	CHECK_EQUAL(manage(VTPM_FID_DOORBELL, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(manage(VTPM_FID_QUEUE_CHECK, 0, 0, 0, 0, 0, NULL), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(ring(&beside_its_guest, 0), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(ring(&secure, 0), VTPM_E_NOT_PERMITTED);
}

PROMISE(gate_lets_guests_reach_guest_calls_and_smccc_only)
{
	CHECK(vtpm_gate_allows(VTPM_FID_VERSION));
	CHECK(vtpm_gate_allows(VTPM_FID_QUEUE_CHECK));
	CHECK(vtpm_gate_allows(VTPM_FID_DOORBELL));
	CHECK(vtpm_gate_allows(VTPM_FID_DOORBELL + VTPM_MAX_INDEX));
	CHECK(vtpm_gate_allows(0x80000000) && vtpm_gate_allows(0x8000FFFF));
	CHECK(!vtpm_gate_allows(VTPM_FID_QUEUE_CHECK + 1));
	CHECK(!vtpm_gate_allows(0x84000008)); /* PSCI SYSTEM_OFF */
	CHECK(!vtpm_gate_allows(0xC4000003)); /* PSCI CPU_ON */
	CHECK(!vtpm_gate_allows(0x82000000)); /* SiP */
	CHECK(!vtpm_gate_allows(0x7FFFFFFF) && !vtpm_gate_allows(0x80010000) && !vtpm_gate_allows(0xC0000000));
	for (size_t i = 0; i < COUNT(management); i++) {
		CHECK(!vtpm_gate_allows((uint32_t)management[i]));
	}
}

static void lose_entropy(void)
{
	host.entropy = HOST_ENTROPY_FAILS;
}

/* Zero in x1-x3, and from x4 on what the caller had there: SMCCC 1.1 callers do not save x4-x17. */
static void check_no_results(const struct vtpm_answer *answer, const uint64_t arguments[7])
{
	for (int x = 1; x < 8; x++) {
		CHECK_EQUAL(answer->x[x], x < 4 ? 0 : arguments[x - 1]);
	}
}

PROMISE(registers_hold_documented_results_and_nothing_else)
{
	const struct vtpm_caller hypervisor = {.origin = VTPM_FROM_HYPERVISOR};
	uint64_t arguments[7] = {0, VTPM_INFO_TICKS, 3, 4, 5, 6, 7};
	struct vtpm_answer answer;
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 2, 3, &instance), VTPM_OK);
	manage(VTPM_FID_INFO, instance.handle, VTPM_INFO_STATE, 0, 0, 0, &answer);
	CHECK_EQUAL(answer.x[1], VTPM_STATE_CREATED);
	CHECK_EQUAL(answer.x[4], 3 * VTPM_PAGE_BYTES);
	CHECK_EQUAL(answer.x[7], 3);
	for (size_t i = 0; i < COUNT(management); i++) {
		CHECK(call_from(&hypervisor, management[i], noise, &answer) < 0);
		check_no_results(&answer, noise);
	}
	arguments[0] = instance.handle;
	CHECK_EQUAL(call_from(&hypervisor, VTPM_FID_FORWARD, arguments, &answer), VTPM_OK);
	check_no_results(&answer, arguments);
	CHECK_EQUAL(call_from(&hypervisor, VTPM_FID_INFO, arguments, &answer), VTPM_OK);
	CHECK_EQUAL(answer.x[6], 0);
	CHECK_EQUAL(answer.x[7], arguments[6]);
}

/* Refused late, when a handle and a queue were at hand already. */
PROMISE(a_create_that_fails_has_no_results)
{
	const struct vtpm_caller hypervisor = {.origin = VTPM_FROM_HYPERVISOR};
	const uint64_t wanted[7] = {1, 0, VTPM_MAX_SLOTS, 0, 0, 0, 0};
	const uint64_t unwanted[7] = {2, 0, VTPM_MAX_SLOTS, 0, 5, 6, 7};
	uint64_t another[7] = {2, 0, VTPM_MAX_SLOTS, 0, 0, 0, 0};
	struct vtpm_answer answer;

	CHECK_EQUAL(call_from(&hypervisor, VTPM_FID_CREATE, wanted, &answer), VTPM_OK);
	CHECK_EQUAL(call_from(&hypervisor, VTPM_FID_CREATE, wanted, &answer), VTPM_E_EXISTS);
	check_no_results(&answer, wanted);
	CHECK_EQUAL(call_from(&hypervisor, VTPM_FID_CREATE, unwanted, &answer), VTPM_E_BAD_REQUIREMENT);
	check_no_results(&answer, unwanted);
	host.while_engine_runs = lose_entropy;
	CHECK_EQUAL(call_from(&hypervisor, VTPM_FID_CREATE, another, &answer), VTPM_E_NO_ENTROPY);
	check_no_results(&answer, another);
	host.while_engine_runs = NULL;
	host.entropy = HOST_ENTROPY_GOOD;
	for (; call_from(&hypervisor, VTPM_FID_CREATE, another, &answer) == VTPM_OK; another[0]++) {
	}
	CHECK_EQUAL(answer.x[0], VTPM_E_NO_SPACE);
	check_no_results(&answer, another);
}

#define STATE_PAGES (VTPM_POOL_PAGES - VTPM_STATE_PAGES)

/* LIMITS against what the platform header says, and not against itself. */
PROMISE(limits_tell_what_there_is_and_what_is_left)
{
	const struct engine_header engine = host_engine_header();
	struct instance instances[VTPM_WINDOW_COUNT + 1];
	uint64_t empty = STATE_PAGES * VTPM_PAGE_BYTES + VTPM_WINDOW_COUNT * (uint64_t)ENGINE_WINDOW_BYTES;

	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 1), STATE_PAGES / VTPM_IMAGE_RESERVED_PAGES);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 3), VTPM_SECURE_POOL_BYTES);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 4), empty);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 5), (1 + VTPM_MAX_SLOTS) * VTPM_PAGE_BYTES);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 6), VTPM_QUEUE_POOL_PA);
	CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 7), VTPM_QUEUE_POOL_BYTES);
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 1), VTPM_WINDOW_COUNT);
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 3), ENGINE_WINDOW_BYTES);
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 6), engine.text_bytes + engine.rodata_bytes);
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 7), VTPM_SECURE_POOL_PA);
	for (uint64_t i = 0; i <= VTPM_WINDOW_COUNT; i++) {
		uint64_t windows = i < VTPM_WINDOW_COUNT ? i : VTPM_WINDOW_COUNT;

		CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 2), i);
		CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 2), windows);
		CHECK_EQUAL(limit(VTPM_LIMITS_INSTANCES, 4),
			    empty - i * VTPM_IMAGE_RESERVED_PAGES * VTPM_PAGE_BYTES - windows * ENGINE_WINDOW_BYTES);
		CHECK_EQUAL(create(1 + i, 0, 1, 0, &instances[i]), VTPM_OK);
	}
	CHECK_EQUAL(limit(VTPM_LIMITS_MEMORY, 5), 1);
	CHECK(limit(VTPM_LIMITS_MEMORY, 4) > 0);
}

PROMISE(malformed_selectors_are_refused)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	CHECK_EQUAL(manage(VTPM_FID_LIMITS, 2, 0, 0, 0, 0, NULL), VTPM_E_BAD_REQUIREMENT);
	CHECK_EQUAL(manage(VTPM_FID_INFO, instance.handle, 2, 0, 0, 0, NULL), VTPM_E_BAD_REQUIREMENT);
}

PROMISE(engine_headers_that_lie_keep_the_service_off)
{
	struct engine_header header = host_engine_header();

	CHECK(vtpm_engine_check(&header) == NULL);
#define LIE(field, value)                                                                                              \
	header = host_engine_header();                                                                                 \
	header.field = (value);                                                                                        \
	CHECK(vtpm_engine_check(&header) != NULL)
	LIE(magic, 0);
	LIE(abi_version, ENGINE_ABI_VERSION + 1);
	LIE(header_bytes, 8);
	LIE(text_va, VTPM_SECURE_POOL_PA);
	LIE(text_bytes, UINT64_MAX - 4095);
	LIE(text_bytes, 0x4001);
	LIE(rodata_va, header.text_va);
	LIE(text_bytes, header.rodata_va + VTPM_PAGE_BYTES - header.text_va);
	LIE(data_init_va, 0x0e000000);
	LIE(data_bytes, ENGINE_WINDOW_BYTES);
	LIE(data_va, UINT64_MAX - 16);
	LIE(mailbox_va, ENGINE_WINDOW_VA + 4);
	LIE(mailbox_va, header.guard_va - 8);
	LIE(staging_va, header.guard_va);
	LIE(staging_bytes, UINT64_MAX);
	LIE(guard_va, ENGINE_WINDOW_VA + ENGINE_WINDOW_BYTES);
	LIE(guard_va, header.guard_va + 8);
	LIE(stack_top, ENGINE_WINDOW_VA + ENGINE_WINDOW_BYTES + 16);
	LIE(stack_top, header.stack_top - 8);
	LIE(stack_top, header.guard_va + VTPM_PAGE_BYTES);
	LIE(entry, header.rodata_va);
	LIE(entry, header.entry + 2);
	LIE(calls_va, header.rodata_va);
	LIE(calls_va, header.calls_va + 2);
	LIE(calls_va, header.text_va + header.text_bytes - ENGINE_CALL_STUB_BYTES);
#undef LIE
	/* The code begins in the middle of the constants; all else is as it should be. */
	header = host_engine_header();
	header.text_va = header.rodata_va + VTPM_PAGE_BYTES;
	header.entry = header.text_va;
	CHECK(vtpm_engine_check(&header) != NULL);
}

PROMISE(entropy_that_fails_or_repeats_is_refused)
{
	uint8_t out[19] = {0};

	CHECK_EQUAL(vtpm_entropy_fill(out, sizeof(out)), 0);
	host.entropy = HOST_ENTROPY_STUCK;
	CHECK_EQUAL(vtpm_entropy_fill(out, sizeof(out)), 1);
	host.entropy = HOST_ENTROPY_FAILS;
	CHECK_EQUAL(vtpm_entropy_fill(out, sizeof(out)), 1);
}

/* A request of a few words must not end with some of them and an error, for someone to use all the same. */
PROMISE(entropy_that_fails_half_way_hands_out_none_of_it)
{
	static const uint8_t nothing_at_all[64];
	uint8_t out[sizeof(nothing_at_all)];

	memset(out, 0, sizeof(out));
	host.words_left = 3;
	CHECK_EQUAL(vtpm_entropy_fill(out, sizeof(out)), 1);
	CHECK_EQUAL(memcmp(out, nothing_at_all, sizeof(out)), 0);
}
