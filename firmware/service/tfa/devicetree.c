/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells the normal world about the service, in the device tree: its memory is reserved, so that nobody else uses it,
 * and a node /firmware/vtpm lets an operating system find it.
 */
#include <arch_helpers.h>
#include <common/fdt_fixup.h>
#include <libfdt.h>

#include "board.h"
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

static int reserve(void *tree, const char *what, uint32_t start, uint32_t bytes)
{
	char name[32];

	snprintf(name, sizeof(name), "%s@%x", what, start);
	return fdt_add_reserved_memory(tree, name, start, bytes);
}

/* Memory that the hardware protects is not in the tree. Memory that it does not protect would be taken for free. */
static int reserve_unprotected_space(void *tree)
{
	if (VTPM_SPACE_PROTECTED != 0) {
		return 0;
	}
	if (reserve(tree, "vtpm-space", VTPM_SECURE_POOL_PA, VTPM_SECURE_POOL_BYTES) != 0) {
		return -FDT_ERR_NOSPACE;
	}
	return reserve(tree, "vtpm-engine", VTPM_ENGINE_PA, VTPM_ENGINE_MAX_BYTES);
}

const char *glue_devicetree_announce(void *tree)
{
	if (reserve(tree, "vtpm-queues", VTPM_QUEUE_POOL_PA, VTPM_QUEUE_POOL_BYTES) != 0 ||
	    reserve_unprotected_space(tree) != 0 || add_service_node(tree) != 0) {
		return "the device tree has no room for the queue pool";
	}
	return NULL;
}

void *glue_devicetree_open(void)
{
	void *tree = board_devicetree_open();

	if (tree != NULL && fdt_open_into(tree, tree, VTPM_DEVICETREE_MAX_BYTES) != 0) {
		board_devicetree_close(tree);
		return NULL;
	}
	return tree;
}

void glue_devicetree_close(void *tree)
{
	(void)fdt_pack(tree);
	/* The next image reads the tree with its caches off. */
	flush_dcache_range((uintptr_t)tree, fdt_totalsize(tree));
	board_devicetree_close(tree);
}
