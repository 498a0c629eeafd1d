/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Juno, for the service's glue: the device tree that BL2 loaded, and the SoC's generator, for which TF-A has a driver.
 */
#include <stdbool.h>

#include <plat/common/plat_trng.h>

#include "board.h"
#include "vtpm_abi.h"
#include "vtpm_platform.h"

/* BL31 has it mapped all the time (platform_def.h). */
void *board_devicetree_open(void)
{
	return (void *)VTPM_DEVICETREE_PA;
}

void board_devicetree_close(void *tree)
{
	(void)tree;
}

const struct entropy_source *board_entropy(void *tree)
{
	static const struct entropy_source trng = {"TRNG", VTPM_FEATURE_ENTROPY_SOC, plat_get_entropy};

	(void)tree;
	return &trng;
}
