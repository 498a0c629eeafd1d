/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation tables for running the engine.
 *
 * BL31's own tables stay as TF-A made them, and map the whole secure pool and the queues. Each CPU has a second root
 * for the engine, which differs in three things: the secure pool and the queue pool are absent, every GiB that is not
 * in VTPM_ENGINE_SEES_GIBS is absent, and ENGINE_WINDOW_VA shows one window. Everything else translates alike, so
 * TTBR0_EL3 can be switched from one to the other in the middle of BL31's code.
 *
 *   root (level 1, 4 entries) -> level 2 of GiB 0 (per CPU) -> level 3 of BL31, of the engine's code   (shared)
 *                                                           -> level 3 of a window                     (one per window)
 *                             -> level 2 of other GiBs (shared)
 *
 * Choosing a window is one store to the CPU's level 2 table.
 */
#include <string.h>

#include <arch_helpers.h>
#include <lib/xlat_tables/xlat_tables_defs.h>
#include <plat/common/platform.h>
#include <platform_def.h>

#include "glue.h"
#include "vtpm_platform.h"

#define ENTRIES 512
#define LEVEL1_ENTRIES 4 /* 4 GiB of address space: PLAT_VIRT_ADDR_SPACE_SIZE */

/* Arm DDI 0487, D8.3.1: descriptors. Normal write-back memory, inner shareable, read-write, execute never. */
#define WINDOW_PAGE                                                                                                    \
	((uint64_t)PAGE_DESC |                                                                                         \
	 LOWER_ATTRS(ACCESS_FLAG | ISH | AP_RW | AP_ONE_VA_RANGE_RES1 | ATTR_IWBWA_OWBWA_NTR_INDEX) | UPPER_ATTRS(XN))

/* Arm DDI 0487, TTBR0_EL3: a table of fewer than 8 entries must still be 64-byte aligned; BADDR ends at bit 47. */
#define TTBR_BADDR_MASK (((UINT64_C(1) << 48) - 1) & ~UINT64_C(63))

/* CnP stays 0 in the register: these tables are one CPU's own. */
struct root {
	uint64_t level1[8];
} __attribute__((aligned(64)));

struct tables {
	uint64_t level2[PLATFORM_CORE_COUNT][ENTRIES];
	uint64_t shared[LEVEL1_ENTRIES][ENTRIES]; /* what BL31 sees of a GiB, less what the engine must not see */
	uint64_t lowest[ENTRIES];                 /* of the first 2 MiB, less page zero */
	uint64_t window[VTPM_WINDOW_COUNT][ENTRIES];
	struct root root[PLATFORM_CORE_COUNT];
};

_Static_assert(sizeof(struct tables) <= VTPM_TABLES_BYTES, "the tables fit in their place");
_Static_assert(PLAT_VIRT_ADDR_SPACE_SIZE == (1ULL << 32), "translation starts at level 1 with four entries");
_Static_assert(ENGINE_WINDOW_VA + ENGINE_WINDOW_BYTES <= (1ULL << ONE_GB_SHIFT), "the window lies in the first GiB");
_Static_assert((VTPM_ENGINE_SEES_GIBS & 1) != 0, "and that GiB is there");

#define WHOLE_BLOCKS(start, bytes) ((start) % (1U << TWO_MB_SHIFT) == 0 && (bytes) % (1U << TWO_MB_SHIFT) == 0)
#define APART(start, bytes)                                                                                            \
	((start) + (bytes) <= ENGINE_WINDOW_VA || (start) >= ENGINE_WINDOW_VA + (1U << TWO_MB_SHIFT))

_Static_assert(WHOLE_BLOCKS(VTPM_SECURE_POOL_PA, VTPM_SECURE_POOL_BYTES) &&
		       WHOLE_BLOCKS(VTPM_QUEUE_POOL_PA, VTPM_QUEUE_POOL_BYTES),
	       "the pools are whole 2 MiB blocks, so that one level 2 entry each hides them from the engine");
_Static_assert(APART(VTPM_SECURE_POOL_PA, VTPM_SECURE_POOL_BYTES) && APART(VTPM_QUEUE_POOL_PA, VTPM_QUEUE_POOL_BYTES) &&
		       APART(VTPM_ENGINE_PA, VTPM_ENGINE_MAX_BYTES),
	       "nothing of ours is where the window is seen");

static struct tables *const tables = (struct tables *)VTPM_TABLES_PA;

static uint64_t *next_table(uint64_t descriptor)
{
	return (uint64_t *)(uintptr_t)(descriptor & TABLE_ADDR_MASK);
}

static uint64_t table_descriptor(const void *table)
{
	return (uint64_t)(uintptr_t)table | TABLE_DESC;
}

/* The guard page below the engine's stack stays unmapped in every window, so that an overflow is an exception. */
static void build_window(unsigned int window, const struct engine_header *engine)
{
	for (uint64_t offset = 0; offset < ENGINE_WINDOW_BYTES; offset += PAGE_SIZE) {
		uint64_t va = ENGINE_WINDOW_VA + offset;
		uint64_t pa = VTPM_WINDOWS_PA + window * (uint64_t)ENGINE_WINDOW_BYTES + offset;

		tables->window[window][FOUR_KB_INDEX(va) % ENTRIES] = va == engine->guard_va ? 0 : pa | WINDOW_PAGE;
	}
}

/* In BL31's own tables nothing changes: these are the copies that the engine runs under. */
static void hide(uint64_t start, uint64_t bytes)
{
	for (uint64_t pa = start; pa < start + bytes; pa += UINT64_C(1) << TWO_MB_SHIFT) {
		tables->shared[pa >> ONE_GB_SHIFT][TWO_MB_INDEX(pa) % ENTRIES] = 0;
	}
}

static bool is_seen(unsigned int gib)
{
	return (VTPM_ENGINE_SEES_GIBS >> gib & 1) != 0;
}

/* A null pointer of the engine must fault, also where BL31 lies at address 0 (Raspberry Pi). */
static void hide_page_zero(void)
{
	uint64_t *block = &tables->shared[0][0];

	if ((*block & DESC_MASK) == TABLE_DESC) {
		memcpy(tables->lowest, next_table(*block), sizeof(tables->lowest));
		tables->lowest[0] = 0;
		*block = table_descriptor(tables->lowest);
	}
}

static void build_shared(const uint64_t *level1)
{
	for (unsigned int gib = 0; gib < LEVEL1_ENTRIES; gib++) {
		if (is_seen(gib) && (level1[gib] & DESC_MASK) == TABLE_DESC) {
			memcpy(tables->shared[gib], next_table(level1[gib]), sizeof(tables->shared[gib]));
		}
	}
	hide(VTPM_SECURE_POOL_PA, VTPM_SECURE_POOL_BYTES);
	hide(VTPM_QUEUE_POOL_PA, VTPM_QUEUE_POOL_BYTES);
	hide_page_zero();
}

static void build_cpu(unsigned int cpu)
{
	memcpy(tables->level2[cpu], tables->shared[0], sizeof(tables->level2[cpu]));
	tables->root[cpu].level1[0] = table_descriptor(tables->level2[cpu]);
	for (unsigned int gib = 1; gib < LEVEL1_ENTRIES; gib++) {
		tables->root[cpu].level1[gib] = is_seen(gib) ? table_descriptor(tables->shared[gib]) : 0;
	}
}

void tables_build(const struct engine_header *engine)
{
	for (unsigned int window = 0; window < VTPM_WINDOW_COUNT; window++) {
		build_window(window, engine);
	}
	build_shared((const uint64_t *)(read_ttbr0_el3() & TTBR_BADDR_MASK));
	for (unsigned int cpu = 0; cpu < PLATFORM_CORE_COUNT; cpu++) {
		build_cpu(cpu);
	}
	dsbish();
}

uint64_t tables_select(unsigned int window)
{
	unsigned int cpu = plat_my_core_pos();

	tables->level2[cpu][TWO_MB_INDEX(ENGINE_WINDOW_VA) % ENTRIES] = table_descriptor(tables->window[window]);
	dsbishst(); /* the walker sees the store; engine_switch.S then invalidates the TLB */
	return (uint64_t)(uintptr_t)&tables->root[cpu];
}
