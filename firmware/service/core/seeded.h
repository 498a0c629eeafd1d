/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random words from one seed, for a machine without a generator of its own: a counterpart of "fast key erasure" (D. J.
 * Bernstein, 2017) with SHA-256. What has been given out or used is gone from memory, so that a state that becomes
 * known later tells nothing about earlier words.
 */
#ifndef VTPM_SEEDED_H
#define VTPM_SEEDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

/* NIST SP 800-90A, table 2: a seed for a strength of 256 bits has at least as many. */
#define SEEDED_MINIMUM_BYTES 32

struct seeded {
	uint8_t state[SHA256_BYTES];
	uint64_t ready[SHA256_BYTES / sizeof(uint64_t)];
	unsigned int left; /* words of `ready` that were not given out yet; they are taken from its end */
};

/* Starts from a seed. False: it is too short, or all of its bytes are equal. The caller wipes the seed. */
bool seeded_start(struct seeded *generator, const uint8_t *seed, size_t bytes);
/* Returns the next 64 bits, and keeps no copy of them. */
uint64_t seeded_word(struct seeded *generator);

#endif
