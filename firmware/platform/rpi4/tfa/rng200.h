/* SPDX-License-Identifier: BSD-3-Clause */
/* The BCM2711's random number generator, "RNG200". */
#ifndef RNG200_H
#define RNG200_H

#include <stdbool.h>
#include <stdint.h>

/* Starts it and waits, a bounded time, for its first words. False: there is none, or it does not work. */
bool rng200_start(void);

/* False: it failed its own tests, or gave nothing in time, also after a restart. */
bool rng200_word(uint64_t *out);

#endif
