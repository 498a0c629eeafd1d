/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one function through which all entropy comes. It fails closed: if the source fails, or a word of it fails a
 * health test, the whole request fails.
 *
 * The tests are those of NIST SP 800-90B: repetition count (4.4.1) and adaptive proportion (4.4.2) look at every word,
 * and 1024 words are tested before the first one is given out (4.3), at boot and again after a failure. All CPUs draw
 * from one source, so there is one history. The sources promise 64 bits of entropy in 64 bits. By that, the cutoffs
 * below are met by chance less than once in 2^46 words.
 */
#include <string.h>

#include "lock.h"
#include "vtpm_port.h"
#include "vtpm_service.h"

#define START_UP_WORDS 1024
#define PROPORTION_WINDOW 512

/* A source that is stuck in part, such as one that was read when half of a word was there, is caught by half a word. */
#define HALVES 2
#define HALF_BITS 32
#define HALF_CUTOFF 3

struct half {
	uint32_t last;
	uint32_t repetitions;
	uint32_t counted; /* the first of its window */
	uint32_t seen;    /* of this window; 0: it has not begun */
	uint32_t count;
};

static struct {
	struct vtpm_table_lock lock;
	uint32_t untested; /* words still to be tested before one is given out */
	uint64_t last;
	struct half half[HALVES];
} health = {.untested = START_UP_WORDS};

static bool repeats(struct half *half, uint32_t sample)
{
	half->repetitions = sample == half->last ? half->repetitions + 1 : 1;
	half->last = sample;
	return half->repetitions >= HALF_CUTOFF;
}

static bool prevails(struct half *half, uint32_t sample)
{
	if (half->seen == 0) {
		half->counted = sample;
		half->count = 0;
	}
	half->seen = (half->seen + 1) % PROPORTION_WINDOW;
	half->count += sample == half->counted;
	return half->count >= HALF_CUTOFF;
}

static bool passes(uint64_t word)
{
	bool good = word != health.last;

	health.last = word;
	for (unsigned int number = 0; number < HALVES; number++) {
		struct half *half = &health.half[number];
		uint32_t sample = (uint32_t)(word >> number * HALF_BITS);

		/* Both, whatever the first says: each has a history. */
		good &= !repeats(half, sample);
		good &= !prevails(half, sample);
	}
	return good;
}

static void begin_anew(void)
{
	health.untested = START_UP_WORDS;
	health.last = 0;
	memset(health.half, 0, sizeof(health.half));
}

/* Returns false if a test fails; `usable` says if this word may be given out. */
static bool test(uint64_t word, bool *usable)
{
	bool good;

	table_lock(&health.lock);
	*usable = health.untested == 0;
	health.untested -= health.untested != 0;
	good = passes(word);
	if (!good) {
		begin_anew();
	}
	table_unlock(&health.lock);
	return good;
}

static bool draw(uint64_t *word)
{
	bool usable;

	do {
		if (!port_entropy_word(word) || !test(*word, &usable)) {
			return false;
		}
	} while (!usable);
	return true;
}

void vtpm_entropy_start(void)
{
	uint64_t word;

	begin_anew();
	(void)draw(&word); /* if it fails, the next request begins again */
}

uint32_t vtpm_entropy_fill(uint8_t *out, uint32_t bytes)
{
	for (uint32_t done = 0; done < bytes;) {
		uint32_t part = bytes - done < sizeof(uint64_t) ? bytes - done : (uint32_t)sizeof(uint64_t);
		uint64_t word;

		if (!draw(&word)) {
			memset(out, 0, done);
			return 1;
		}
		memcpy(out + done, &word, part);
		done += part;
	}
	return 0;
}
