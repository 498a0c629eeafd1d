/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine can get from the service by its calls: nothing but what engine_abi.h says, whatever it asks for.
 */
#include <string.h>

#include "promise.h"

#define WINDOW 1U /* neither the first nor the last, so that both sides belong to somebody else */
#define WINDOW_PA (VTPM_WINDOWS_PA + WINDOW * (uint64_t)ENGINE_WINDOW_BYTES)
#define WINDOW_END (ENGINE_WINDOW_VA + (uint64_t)ENGINE_WINDOW_BYTES)
#define MARK 0x5a

/* Returns true if the engine would go on. */
static bool call(uint64_t number, uint64_t x0, uint64_t x1, uint64_t *result)
{
	const uint64_t x[2] = {x0, x1};

	*result = UINT64_MAX;
	return vtpm_engine_call(WINDOW, number, x, result);
}

static void check_refused(uint64_t number, uint64_t x0, uint64_t x1)
{
	uint64_t before = seen.bad_calls;
	uint64_t result;

	CHECK(!call(number, x0, x1, &result));
	CHECK_EQUAL(result, ENGINE_FATAL);
	CHECK_EQUAL(seen.bad_calls, before + 1);
}

/* The window is `byte` all over; whatever the service writes anywhere in the pool's windows then shows. */
static uint8_t *fill_window(int byte)
{
	uint8_t *memory = host_secure(WINDOW_PA);

	memset(memory, byte, ENGINE_WINDOW_BYTES);
	return memory;
}

PROMISE(an_engine_gets_entropy_where_it_asked_for_it_and_nowhere_else)
{
	uint8_t *memory = fill_window(MARK);
	uint64_t result;

	CHECK(call(ENGINE_CALL_ENTROPY, ENGINE_WINDOW_VA + 0x123, ENGINE_ENTROPY_MAX_BYTES, &result));
	CHECK_EQUAL(result, 0);
	CHECK(memory[0x122] == MARK && memory[0x123 + ENGINE_ENTROPY_MAX_BYTES] == MARK);
	CHECK(memcmp(memory + 0x123, memory + 0x323, ENGINE_ENTROPY_MAX_BYTES) != 0);
}

PROMISE(the_last_bytes_of_the_window_and_those_beside_its_guard_page_belong_to_it)
{
	const uint64_t guard = host_engine_header().guard_va;
	const uint64_t good[] = {ENGINE_WINDOW_VA, guard - 16, guard + VTPM_PAGE_BYTES, WINDOW_END - 16};
	uint64_t result;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK(call(ENGINE_CALL_ENTROPY, good[i], 16, &result));
		CHECK_EQUAL(result, 0);
	}
	CHECK(call(ENGINE_CALL_ENTROPY, WINDOW_END, 0, &result));
	CHECK_EQUAL(seen.bad_calls, 0);
}

PROMISE(an_engine_cannot_aim_entropy_at_anything_beside_its_window)
{
	const uint64_t guard = host_engine_header().guard_va;
	const uint64_t bad[] = {
		0,
		8,
		ENGINE_WINDOW_VA - 1,
		ENGINE_WINDOW_VA - 16,
		WINDOW_END - 15,
		WINDOW_END,
		guard,
		guard - 15,
		guard + VTPM_PAGE_BYTES - 1,
		ENGINE_WINDOW_VA | UINT64_C(1) << 32,
		ENGINE_WINDOW_VA | UINT64_C(0xff) << 56,
		UINT64_MAX,
		UINT64_MAX - 15,
		VTPM_SECURE_POOL_PA,
		WINDOW_PA,
		VTPM_QUEUE_POOL_PA,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_refused(ENGINE_CALL_ENTROPY, bad[i], 16);
	}
	CHECK(host_secrets_are_gone());
}

PROMISE(an_engine_cannot_keep_a_cpu_busy_with_a_request_for_much_entropy)
{
	const uint64_t sizes[] = {ENGINE_ENTROPY_MAX_BYTES + 1, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_refused(ENGINE_CALL_ENTROPY, ENGINE_WINDOW_VA, sizes[i]);
	}
}

PROMISE(an_engine_is_told_that_the_source_failed)
{
	uint64_t result;

	host.entropy = HOST_ENTROPY_FAILS;
	CHECK(call(ENGINE_CALL_ENTROPY, ENGINE_WINDOW_VA, 16, &result));
	CHECK(result != 0);
}

PROMISE(a_line_of_an_engine_is_text_on_the_console)
{
	uint8_t *memory = fill_window(0);
	uint64_t result;

	memcpy(memory + 0x40, "libtpms: \x1b[2J\n\xff!", 17);
	CHECK(call(ENGINE_CALL_LOG, ENGINE_WINDOW_VA + 0x40, 0, &result));
	CHECK(strcmp(seen.log, "libtpms: .[2J..!") == 0);
}

PROMISE(a_long_line_of_an_engine_is_cut)
{
	uint64_t result;

	fill_window('x');
	CHECK(call(ENGINE_CALL_LOG, ENGINE_WINDOW_VA, 0, &result));
	CHECK_EQUAL(strlen(seen.log), ENGINE_LOG_MAX_BYTES - 1);
}

PROMISE(an_engine_cannot_have_other_memory_than_its_own_on_the_console)
{
	const uint64_t guard = host_engine_header().guard_va;

	fill_window('x');
	check_refused(ENGINE_CALL_LOG, 0, 0);
	check_refused(ENGINE_CALL_LOG, VTPM_SECURE_POOL_PA, 0);
	check_refused(ENGINE_CALL_LOG, UINT64_MAX, 0);
	check_refused(ENGINE_CALL_LOG, ENGINE_WINDOW_VA - 1, 0);
	check_refused(ENGINE_CALL_LOG, guard - 1, 0);
	check_refused(ENGINE_CALL_LOG, WINDOW_END - 1, 0);
	CHECK_EQUAL(seen.log_lines, 0);
}

PROMISE(an_engine_cannot_flood_the_console)
{
	uint64_t result;

	fill_window(0);
	for (unsigned int line = 0; line < 1000; line++) {
		CHECK(call(ENGINE_CALL_LOG, ENGINE_WINDOW_VA, 0, &result));
	}
	CHECK(seen.log_lines > 0 && seen.log_lines < 100);
}

PROMISE(calls_that_do_not_exist_end_the_run)
{
	const uint64_t numbers[] = {ENGINE_CALL_COUNT, 99, 0xffff, UINT64_C(1) << 32 | ENGINE_CALL_ENTROPY, UINT64_MAX};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		check_refused(numbers[i], ENGINE_WINDOW_VA, 8);
	}
}

PROMISE(an_engine_leaves_with_its_status_or_gives_up)
{
	uint64_t result;

	CHECK(!call(ENGINE_CALL_LEAVE, ENGINE_BAD_STATE, 0, &result));
	CHECK_EQUAL(result, ENGINE_BAD_STATE);
	CHECK(!call(ENGINE_CALL_FATAL, ENGINE_FAULT_ABORT, 0, &result));
	CHECK_EQUAL(result, ENGINE_FATAL);
	CHECK_EQUAL(seen.bad_calls, 0);
}
