/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may draw from the platform's source, and when: the glue's code for it, over a source of the promise's own. */
#include <pthread.h>
#include <sched.h>

#include "promise.h"

/* The host has a port already. */
#define port_entropy_word source_word
#define port_entropy_features source_features
#include "../../firmware/service/tfa/entropy_source.c"

static pthread_t other;
static bool other_runs;
static bool other_is_done;
static int drawing;
static bool met;

static void *draw_on_another_cpu(void *got)
{
	uint64_t word;

	*(bool *)got = source_word(&word);
	__atomic_store_n(&other_is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool other_got_one;

/* The first draw lasts until another CPU waits for its end, or has not waited. */
static bool slow_word(uint64_t *out)
{
	uint64_t before = __atomic_load_n(&seen.waits, __ATOMIC_RELAXED);

	met |= __atomic_fetch_add(&drawing, 1, __ATOMIC_ACQ_REL) != 0;
	if (!__atomic_exchange_n(&other_runs, true, __ATOMIC_ACQ_REL)) {
		CHECK_EQUAL(pthread_create(&other, NULL, draw_on_another_cpu, &other_got_one), 0);
		while (__atomic_load_n(&seen.waits, __ATOMIC_RELAXED) == before &&
		       !__atomic_load_n(&other_is_done, __ATOMIC_ACQUIRE)) {
			sched_yield();
		}
	}
	__atomic_fetch_sub(&drawing, 1, __ATOMIC_ACQ_REL);
	*out = 7;
	return true;
}

static const struct entropy_source slow = {"slow", VTPM_FEATURE_ENTROPY_SOC, slow_word};
static const struct entropy_source *found;

const struct entropy_source *board_entropy(void *tree)
{
	(void)tree;
	return found;
}

/* A generator with a FIFO behind one register gives two CPUs halves of each other's words. */
PROMISE(one_cpu_at_a_time_draws_from_the_source)
{
	uint64_t word = 0;

	found = &slow;
	glue_entropy_start(NULL);
	CHECK(source_word(&word));
	CHECK_EQUAL(pthread_join(other, NULL), 0);
	CHECK(other_got_one);
	CHECK(!met);
	CHECK_EQUAL(word, 7);
	CHECK_EQUAL(source_features(), VTPM_FEATURE_ENTROPY_SOC);
}

PROMISE(without_a_source_there_is_no_word_and_no_feature)
{
	uint64_t word;

	found = NULL;
	glue_entropy_start(NULL);
	CHECK(!source_word(&word));
	CHECK_EQUAL(source_features(), 0);
}
