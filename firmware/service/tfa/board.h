/* SPDX-License-Identifier: BSD-3-Clause */
/* What the glue needs of the platform that it runs on: firmware/platform/<name>/tfa/ implements it. */
#ifndef VTPM_BOARD_H
#define VTPM_BOARD_H

#include <stdbool.h>
#include <stdint.h>

struct entropy_source {
	const char *name; /* for the banner */
	uint64_t feature; /* VTPM_FEATURE_ENTROPY_* */

	/*
	 * One word; false if there is none. One CPU at a time, also in the middle of an engine call, when the CPU sees
	 * only VTPM_ENGINE_SEES_GIBS.
	 */
	bool (*word)(uint64_t *out);
};

/*
 * The device tree that an operating system will get, mapped writable, with VTPM_DEVICETREE_MAX_BYTES of room; NULL if
 * there is none.
 */
void *board_devicetree_open(void);
void board_devicetree_close(void *tree);

/*
 * The source of all randomness, or NULL. Called once. `tree` is the open device tree, which may hold a seed; what is
 * taken from it is taken out of it.
 */
const struct entropy_source *board_entropy(void *tree);

/* The CPU's own generator (FEAT_RNG), for platforms whose CPUs have it; else NULL. */
const struct entropy_source *entropy_cpu(void);

#endif
