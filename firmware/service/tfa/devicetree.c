/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells the normal world about the service: the queue pool as reserved memory, so that nobody else uses it, and a
 * /firmware/vtpm node by which an operating system finds the service.
 */
#include <arch_helpers.h>
#include <common/fdt_fixup.h>
#include <lib/xlat_tables/xlat_tables_v2.h>
#include <libfdt.h>

#include "glue.h"
#include "vtpm_platform.h"

static int add_service_node(void *tree)
{
	int firmware = fdt_path_offset(tree, "/firmware");
	int node;

	if (firmware < 0) {
		firmware = fdt_add_subnode(tree, 0, "firmware");
	}
	if (firmware < 0) {
		return firmware;
	}
	node = fdt_add_subnode(tree, firmware, "vtpm");
	if (node < 0) {
		return node;
	}
	if (fdt_setprop_string(tree, node, "compatible", "hil,vtpm") != 0) {
		return -FDT_ERR_NOSPACE;
	}
	return fdt_setprop_string(tree, node, "method", "smc");
}

static const char *announce(void *tree)
{
	char name[] = "vtpm-queues@00000000";

	snprintf(name, sizeof(name), "vtpm-queues@%x", VTPM_QUEUE_POOL_PA);
	if (fdt_open_into(tree, tree, VTPM_DEVICETREE_MAX_BYTES) != 0) {
		return "no device tree to announce the queue pool in";
	}
	if (fdt_add_reserved_memory(tree, name, VTPM_QUEUE_POOL_PA, VTPM_QUEUE_POOL_BYTES) != 0 ||
	    add_service_node(tree) != 0) {
		return "the device tree has no room for the queue pool";
	}
	(void)fdt_pack(tree);
	flush_dcache_range((uintptr_t)tree, fdt_totalsize(tree));
	return NULL;
}

const char *glue_devicetree_announce(void)
{
	const char *reason;

	if (mmap_add_dynamic_region(VTPM_DEVICETREE_PA, VTPM_DEVICETREE_PA, VTPM_DEVICETREE_MAX_BYTES,
				    MT_MEMORY | MT_RW | MT_NS | MT_EXECUTE_NEVER) != 0) {
		return "cannot map the device tree";
	}
	reason = announce((void *)VTPM_DEVICETREE_PA);
	(void)mmap_remove_dynamic_region(VTPM_DEVICETREE_PA, VTPM_DEVICETREE_MAX_BYTES);
	return reason;
}
