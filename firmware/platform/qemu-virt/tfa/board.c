/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's `virt`, for the service's glue: a device tree at a fixed address, and CPUs with FEAT_RNG.
 */
#include <stddef.h>

#include <lib/xlat_tables/xlat_tables_v2.h>

#include "board.h"
#include "vtpm_platform.h"

void *board_devicetree_open(void)
{
	if (mmap_add_dynamic_region(VTPM_DEVICETREE_PA, VTPM_DEVICETREE_PA, VTPM_DEVICETREE_MAX_BYTES,
				    MT_MEMORY | MT_RW | MT_NS | MT_EXECUTE_NEVER) != 0) {
		return NULL;
	}
	return (void *)VTPM_DEVICETREE_PA;
}

void board_devicetree_close(void *tree)
{
	(void)mmap_remove_dynamic_region((uintptr_t)tree, VTPM_DEVICETREE_MAX_BYTES);
}

const struct entropy_source *board_entropy(void *tree)
{
	(void)tree;
	return entropy_cpu();
}
