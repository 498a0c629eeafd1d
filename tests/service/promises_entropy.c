/* SPDX-License-Identifier: BSD-3-Clause */
/* Health tests of the source, NIST SP 800-90B section 4: what a broken one gives is not given out. */
#include <string.h>

#include "promise.h"

#define START_UP_WORDS 1024
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* Where a source goes wrong: at so many words. */
static uint64_t broken_from;

static uint64_t good(uint64_t number)
{
	return (number + 1) * GOLDEN;
}

static uint64_t broken(uint64_t number, uint64_t word)
{
	return number < broken_from ? good(number) : word;
}

static uint64_t stuck(uint64_t number)
{
	return broken(number, 7);
}

static uint64_t two_in_turn(uint64_t number)
{
	return broken(number, number % 2 == 0 ? 7 : UINT64_C(0x1234567890));
}

static uint64_t upper_half_stuck(uint64_t number)
{
	return broken(number, (good(number) & UINT32_MAX) | UINT64_C(7) << 32);
}

static uint64_t lower_half_stuck(uint64_t number)
{
	return broken(number, (good(number) & ~(uint64_t)UINT32_MAX) | 7);
}

/* Two of three upper halves are the same: never three in a row. */
static uint64_t one_prevails(uint64_t number)
{
	return broken(number, number % 3 != 0 ? (good(number) & UINT32_MAX) | UINT64_C(7) << 32 : good(number));
}

static uint64_t (*const bad_sources[])(uint64_t) = {stuck, two_in_turn, upper_half_stuck, lower_half_stuck,
						    one_prevails};

/* Draws words one by one, and returns how many there were before a failure; at most `most`. */
static uint64_t given_out(uint64_t most)
{
	uint8_t word[sizeof(uint64_t)];
	uint64_t count = 0;

	while (count < most && vtpm_entropy_fill(word, sizeof(word)) == 0) {
		count++;
	}
	return count;
}

static void begin(uint64_t (*source)(uint64_t), uint64_t from)
{
	host.entropy_word = source;
	broken_from = from;
	seen.words = 0;
	vtpm_entropy_start();
}

PROMISE(a_source_is_tested_before_its_first_word_is_given_out)
{
	uint64_t word;

	begin(good, 0);
	CHECK_EQUAL(seen.words, START_UP_WORDS + 1);
	CHECK_EQUAL(vtpm_entropy_fill((uint8_t *)&word, sizeof(word)), 0);
	CHECK_EQUAL(word, good(START_UP_WORDS + 1));
}

PROMISE(a_source_that_is_broken_from_the_start_gives_nothing)
{
	for (size_t i = 0; i < sizeof(bad_sources) / sizeof(bad_sources[0]); i++) {
		begin(bad_sources[i], 0);
		CHECK_EQUAL(given_out(1), 0);
		CHECK_EQUAL(given_out(1), 0);
	}
}

/* How soon is a matter of the test: stuck at once, in part after three words, what prevails when it begins a window. */
PROMISE(a_source_that_breaks_later_is_noticed)
{
	static const uint64_t soon[] = {0, 512 + 5, 3, 3, 1100};

	for (size_t i = 0; i < sizeof(bad_sources) / sizeof(bad_sources[0]); i++) {
		begin(bad_sources[i], START_UP_WORDS + 100);
		CHECK(given_out(5000) <= 100 + soon[i]);
	}
}

PROMISE(a_source_that_has_failed_a_test_is_tested_anew)
{
	begin(stuck, START_UP_WORDS + 100);
	CHECK(given_out(5000) < 5000);
	host.entropy_word = good;
	seen.words = 5000;
	CHECK_EQUAL(given_out(1), 1);
	CHECK_EQUAL(seen.words, 5000 + START_UP_WORDS + 1);
}

PROMISE(a_source_that_works_is_never_taken_for_broken)
{
	begin(good, 0);
	CHECK_EQUAL(given_out(100000), 100000);
}
