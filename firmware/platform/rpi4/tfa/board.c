/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Raspberry Pi 4, for the service's glue: the VideoCore's device tree, and where randomness comes from.
 */
#include <stddef.h>
#include <string.h>

#include <common/fdt_wrappers.h>
#include <libfdt.h>

#include "board.h"
#include "rng200.h"
#include "rpi_shared.h"
#include "seeded.h"
#include "treecheck.h"
#include "vtpm_abi.h"
#include "vtpm_platform.h"

#define INITRD_START "linux,initrd-start"
#define INITRD_END "linux,initrd-end"
#define SEED "rng-seed"

static struct seeded generator;

static bool read_address(const void *tree, int node, const char *name, uint64_t *out)
{
	int bytes = 0;
	const void *value = fdt_getprop(tree, node, name, &bytes);

	if (value == NULL || (bytes != sizeof(uint32_t) && bytes != sizeof(uint64_t))) {
		return false;
	}
	*out = bytes == sizeof(uint32_t) ? fdt32_ld(value) : fdt64_ld(value);
	return true;
}

/* In place, and as wide as it was, because the tree has no room to grow yet. */
static void write_address(void *tree, int node, const char *name, uint64_t address)
{
	int bytes = 0;
	void *value = fdt_getprop_w(tree, node, name, &bytes);

	if (bytes == sizeof(uint32_t)) {
		fdt32_st(value, (uint32_t)address);
	} else {
		fdt64_st(value, address);
	}
}

/*
 * The VideoCore loads one initramfs, which begins with the engine. The operating system must find only what follows the
 * engine, if anything does.
 */
static void take_engine_off_initrd(void *tree)
{
	int chosen = fdt_path_offset(tree, "/chosen");
	uint64_t rest = VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES;
	uint64_t start;
	uint64_t end;

	if (chosen < 0 || !read_address(tree, chosen, INITRD_START, &start) ||
	    !read_address(tree, chosen, INITRD_END, &end) || start != VTPM_ENGINE_PA) {
		return;
	}
	if (end > rest) {
		write_address(tree, chosen, INITRD_START, rest);
	} else {
		(void)fdt_delprop(tree, chosen, INITRD_START);
		(void)fdt_delprop(tree, chosen, INITRD_END);
	}
}

/* BL31 has mapped it if the VideoCore said where it is. */
void *board_devicetree_open(void)
{
	void *tree = (void *)rpi4_get_dtb_address();

	if (!treecheck_passed()) {
		return NULL;
	}
	take_engine_off_initrd(tree);
	return tree;
}

void board_devicetree_close(void *tree)
{
	(void)tree;
}

static bool seeded_source_word(uint64_t *out)
{
	*out = seeded_word(&generator);
	return true;
}

/* Starts from the tree's seed, and puts another one in its place: an operating system must not get the same. */
static bool take_seed(void *tree)
{
	int chosen = fdt_path_offset(tree, "/chosen");
	int bytes = 0;
	uint8_t *seed = chosen < 0 ? NULL : fdt_getprop_w(tree, chosen, SEED, &bytes);

	if (seed == NULL || !seeded_start(&generator, seed, (size_t)bytes)) {
		return false;
	}
	for (size_t at = 0; at < (size_t)bytes; at += sizeof(uint64_t)) {
		uint64_t word = seeded_word(&generator);
		size_t rest = (size_t)bytes - at;

		memcpy(&seed[at], &word, rest < sizeof(word) ? rest : sizeof(word));
	}
	return true;
}

/*
 * Asks the tree, since touching a missing device is an external abort. Devicetree Specification v0.4, 2.3.4: status.
 * Returns the node, or a negative number.
 */
static int find_rng200(const void *tree)
{
	int node = fdt_node_offset_by_compatible(tree, -1, "brcm,bcm2711-rng200");
	const char *status = node < 0 ? NULL : fdt_getprop(tree, node, "status", NULL);

	return node >= 0 && (status == NULL || strcmp(status, "okay") == 0) ? node : -1;
}

/*
 * Starts the generator and takes it off the tree: an operating system's driver would reset it, and read words that ours
 * has counted already. With two users it is no source.
 */
static bool take_rng200(void *tree, int node)
{
	return rng200_start() && fdt_setprop_string(tree, node, "status", "disabled") == 0;
}

/*
 * Emulators have no RNG200, and their tree says so. There the seed takes its place, and VERSION and the banner say
 * that. A generator that exists and does not work is never replaced by the seed.
 */
const struct entropy_source *board_entropy(void *tree)
{
	static const struct entropy_source hardware = {"RNG200", VTPM_FEATURE_ENTROPY_SOC, rng200_word};
	static const struct entropy_source seed = {"boot seed", VTPM_FEATURE_ENTROPY_SEED, seeded_source_word};

	int rng200 = find_rng200(tree);

	if (rng200 >= 0) {
		return take_rng200(tree, rng200) ? &hardware : NULL;
	}
	return take_seed(tree) ? &seed : NULL;
}
