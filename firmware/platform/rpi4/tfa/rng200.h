/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BCM2711's random number generator, "RNG200".
 */
#ifndef RNG200_H
#define RNG200_H

#include <stdbool.h>
#include <stdint.h>

/* Starts it and waits, within a bound, for its first words. False: it does not exist, or does not work. */
bool rng200_start(void);

/* Draws 64 bits. False: it failed its own tests, or gave nothing in time, even after a restart. */
bool rng200_word(uint64_t *out);

#endif
