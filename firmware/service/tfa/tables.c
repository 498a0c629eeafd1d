/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation tables of the sandbox: what the engine can reach at S-EL0.
 *
 * Each window has a root of its own for the Secure EL1&0 regime, under an ASID of its own. All roots map the engine's
 * code and constants, and the shim of S-EL1, at the same addresses; each maps one window at ENGINE_WINDOW_VA. There is
 * nothing else in any of them: no BL31, no other window, no image, no queue, no device, no memory of the normal world.
 *
 *   root of a window (level 1, 4 entries) -> level 2 of GiB 0 -> level 3: the window and the shim    (one per window)
 *                                                             -> level 3: code and constants         (shared)
 *                                         -> level 2 of the engine's GiB, if that is another one     (shared)
 *
 * The tables are made once and never change: window n is always the same physical memory, and always ASID n + 1. So a
 * switch of windows is a new value in TTBR0_EL1, and no TLB entry ever becomes wrong. They lie in the secure pool,
 * which none of them maps; BL31's own tables stay as TF-A made them.
 */
#include <arch_helpers.h>
#include <lib/xlat_tables/xlat_tables_defs.h>
#include <platform_def.h>

#include "glue.h"
#include "sandbox.h"
#include "vtpm_platform.h"

#define ENTRIES 512
#define LEVEL1_ENTRIES 4 /* 4 GiB of address space: PLAT_VIRT_ADDR_SPACE_SIZE */
#define BLOCK (UINT64_C(1) << TWO_MB_SHIFT)

/*
 * Arm DDI 0487, D8.3.1: descriptors of pages. Normal write-back memory, inner shareable, and Secure: NS is 0. What all
 * windows have in common is global; a window's own pages are not, so that they match under its ASID only.
 */
#define SECURE_PAGE ((uint64_t)PAGE_DESC | LOWER_ATTRS(ACCESS_FLAG | ISH | ATTR_IWBWA_OWBWA_NTR_INDEX))
#define CODE_PAGE (SECURE_PAGE | LOWER_ATTRS(AP_RO | AP_ACCESS_UNPRIVILEGED) | UPPER_ATTRS(PXN))
#define CONSTANTS_PAGE (SECURE_PAGE | LOWER_ATTRS(AP_RO | AP_ACCESS_UNPRIVILEGED) | UPPER_ATTRS(UXN | PXN))
#define WINDOW_PAGE (SECURE_PAGE | LOWER_ATTRS(AP_RW | AP_ACCESS_UNPRIVILEGED | NON_GLOBAL) | UPPER_ATTRS(UXN | PXN))
#define SHIM_PAGE (SECURE_PAGE | LOWER_ATTRS(AP_RO | AP_NO_ACCESS_UNPRIVILEGED) | UPPER_ATTRS(UXN))

/* TTBR0_EL1: ASID in bits 63:48. 0 stays free, as the one that whoever runs at S-EL1 without ASIDs has. */
#define ASID_SHIFT 48

/* The engine's image spans these level 3 tables. */
#define IMAGE_BLOCK(pa) ((pa) >> TWO_MB_SHIFT)
#define IMAGE_BLOCKS (IMAGE_BLOCK(VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES - 1) - IMAGE_BLOCK(VTPM_ENGINE_PA) + 1)
#define IMAGE_GIB (VTPM_ENGINE_PA >> ONE_GB_SHIFT)

/* Arm DDI 0487, TTBR0_EL1: a table of fewer than 8 entries must still be 64-byte aligned. */
struct root {
	uint64_t level1[8];
} __attribute__((aligned(64)));

struct tables {
	uint64_t image_level3[IMAGE_BLOCKS][ENTRIES];
	uint64_t image_level2[ENTRIES]; /* in use if the image is not in the window's GiB */
	uint64_t window_level3[VTPM_WINDOW_COUNT][ENTRIES];
	uint64_t window_level2[VTPM_WINDOW_COUNT][ENTRIES];
	struct root root[VTPM_WINDOW_COUNT];
};

_Static_assert(sizeof(struct tables) <= VTPM_CALLS_PA - VTPM_TABLES_PA, "the tables fit in their place");
_Static_assert(PLAT_VIRT_ADDR_SPACE_SIZE == (1ULL << 32), "translation starts at level 1 with four entries");
_Static_assert(ENGINE_WINDOW_VA % BLOCK == 0 && ENGINE_WINDOW_VA + BLOCK <= (1ULL << ONE_GB_SHIFT),
	       "the window and the shim lie in one block of the first GiB");
_Static_assert(SHIM_VA % PAGE_SIZE == 0 && SHIM_VA >= ENGINE_WINDOW_VA + ENGINE_WINDOW_BYTES &&
		       SHIM_VA < ENGINE_WINDOW_VA + BLOCK,
	       "the shim is in the window's block, behind the window");
_Static_assert(VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES <= ENGINE_WINDOW_VA || VTPM_ENGINE_PA >= ENGINE_WINDOW_VA + BLOCK,
	       "the engine's image is not where the window is seen");
_Static_assert((VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES - 1) >> ONE_GB_SHIFT == IMAGE_GIB, "the image is in one GiB");
_Static_assert(VTPM_WINDOW_COUNT < 255, "ASIDs have eight bits");

static struct tables *const tables = (struct tables *)VTPM_TABLES_PA;

static uint64_t table_descriptor(const void *table)
{
	return (uint64_t)(uintptr_t)table | TABLE_DESC;
}

/* One to one. vtpm_engine_check has found both parts to lie inside the image. */
static void map_image(uint64_t start, uint64_t bytes, uint64_t page)
{
	for (uint64_t pa = start; pa < start + bytes; pa += PAGE_SIZE) {
		tables->image_level3[IMAGE_BLOCK(pa) - IMAGE_BLOCK(VTPM_ENGINE_PA)][FOUR_KB_INDEX(pa) % ENTRIES] =
			pa | page;
	}
}

static void link_image(uint64_t *level2)
{
	for (uint64_t block = 0; block < IMAGE_BLOCKS; block++) {
		level2[(IMAGE_BLOCK(VTPM_ENGINE_PA) + block) % ENTRIES] = table_descriptor(tables->image_level3[block]);
	}
}

/* The guard page below the engine's stack stays unmapped, so that an overflow is an exception. */
static void map_window(unsigned int window, uint64_t guard_va)
{
	uint64_t *level3 = tables->window_level3[window];

	for (uint64_t offset = 0; offset < ENGINE_WINDOW_BYTES; offset += PAGE_SIZE) {
		uint64_t va = ENGINE_WINDOW_VA + offset;
		uint64_t pa = VTPM_WINDOWS_PA + window * (uint64_t)ENGINE_WINDOW_BYTES + offset;

		level3[FOUR_KB_INDEX(va) % ENTRIES] = va == guard_va ? 0 : pa | WINDOW_PAGE;
	}
	level3[FOUR_KB_INDEX(SHIM_VA) % ENTRIES] = (uint64_t)(uintptr_t)&sandbox_shim | SHIM_PAGE;
}

static void build_window(unsigned int window, const struct engine_header *engine)
{
	uint64_t *level2 = tables->window_level2[window];
	uint64_t *level1 = tables->root[window].level1;

	map_window(window, engine->guard_va);
	level2[TWO_MB_INDEX(ENGINE_WINDOW_VA) % ENTRIES] = table_descriptor(tables->window_level3[window]);
	level1[0] = table_descriptor(level2);
	if (IMAGE_GIB == 0) {
		link_image(level2);
	} else {
		level1[IMAGE_GIB % LEVEL1_ENTRIES] = table_descriptor(tables->image_level2);
	}
}

void tables_build(const struct engine_header *engine)
{
	map_image(engine->text_va, engine->text_bytes, CODE_PAGE);
	map_image(engine->rodata_va, engine->rodata_bytes, CONSTANTS_PAGE);
	link_image(tables->image_level2);
	for (unsigned int window = 0; window < VTPM_WINDOW_COUNT; window++) {
		build_window(window, engine);
	}
	dsbish();
}

uint64_t tables_root(unsigned int window)
{
	return (uint64_t)(uintptr_t)&tables->root[window] | (uint64_t)(window + 1) << ASID_SHIFT;
}
