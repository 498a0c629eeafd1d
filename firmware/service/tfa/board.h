/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the glue needs of the platform that it runs on. firmware/platform/<name>/tfa/board.c implements it.
 */
#ifndef VTPM_BOARD_H
#define VTPM_BOARD_H

#include <stdbool.h>
#include <stdint.h>

struct entropy_source {
	const char *name; /* for the banner */
	uint64_t feature; /* VTPM_FEATURE_ENTROPY_* */

	/* Draws 64 bits; returns false if the source failed. Called by one CPU at a time. */
	bool (*word)(uint64_t *out);
};

/*
 * Returns the device tree that an operating system will get, mapped writable, with VTPM_DEVICETREE_MAX_BYTES of room;
 * NULL if it does not exist. board_devicetree_close takes the mapping away again.
 */
void *board_devicetree_open(void);
void board_devicetree_close(void *tree);

/*
 * Chooses the source of all randomness, once; NULL if the board has none. `tree` is the open device tree, which may
 * hold a seed. A seed that is used is removed from it, or replaced.
 */
const struct entropy_source *board_entropy(void *tree);

/* Returns the CPU's own generator (FEAT_RNG), or NULL if the CPU has none. For platforms that may use it. */
const struct entropy_source *entropy_cpu(void);

#endif
