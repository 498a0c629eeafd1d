/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random words from one seed (seeded.h says how and when). Each 32 bytes of state give the next state and 32 bytes of
 * output, by SHA-256 with a label in front, so that none of the three can be computed from another.
 */
#include "seeded.h"

#include <string.h>

/* The label: what a hash is for. */
enum purpose { FROM_SEED = 1, NEXT_STATE, OUTPUT };

static void derive(enum purpose purpose, const uint8_t *from, size_t bytes, uint8_t to[SHA256_BYTES])
{
	uint8_t label = (uint8_t)purpose;
	struct sha256 hash;

	sha256_start(&hash);
	sha256_add(&hash, &label, sizeof(label));
	sha256_add(&hash, from, bytes);
	sha256_finish(&hash, to);
}

bool seeded_start(struct seeded *generator, const uint8_t *seed, size_t bytes)
{
	/* Equal bytes: a loader that filled the property with zeros, or a pattern, in the place of a seed. */
	if (bytes < SEEDED_MINIMUM_BYTES || memcmp(seed, seed + 1, bytes - 1) == 0) {
		return false;
	}
	derive(FROM_SEED, seed, bytes, generator->state);
	generator->left = 0;
	return true;
}

uint64_t seeded_word(struct seeded *generator)
{
	uint64_t word;

	if (generator->left == 0) {
		derive(OUTPUT, generator->state, sizeof(generator->state), (uint8_t *)generator->ready);
		derive(NEXT_STATE, generator->state, sizeof(generator->state), generator->state);
		generator->left = sizeof(generator->ready) / sizeof(generator->ready[0]);
	}
	generator->left--;
	word = generator->ready[generator->left];
	generator->ready[generator->left] = 0;
	return word;
}
