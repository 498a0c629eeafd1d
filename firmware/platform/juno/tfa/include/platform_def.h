/* SPDX-License-Identifier: BSD-3-Clause */
/* The stock platform's numbers, less those that the service changes. */
#ifndef HIL_PLATFORM_DEF_H
#define HIL_PLATFORM_DEF_H

#include_next <platform_def.h>

#include "vtpm_platform.h"

/* BL33, the monitor, lies in the first GiB of DRAM, away from what is secure. */
#undef PLAT_ARM_NS_IMAGE_BASE
#define PLAT_ARM_NS_IMAGE_BASE U(0x90000000)

/* BL2 puts the engine where its own tables would not reach. */
#ifdef IMAGE_BL2
#undef ARM_MAP_NS_DRAM1
#define ARM_MAP_NS_DRAM1                                                                                               \
	MAP_REGION_FLAT(ARM_NS_DRAM1_BASE, ARM_NS_DRAM1_SIZE, MT_MEMORY | MT_RW | MT_NS),                              \
		MAP_REGION_FLAT(VTPM_ENGINE_PA, VTPM_ENGINE_MAX_BYTES, MT_MEMORY | MT_RW | MT_SECURE)
#endif

#ifdef IMAGE_BL31
/* Everything that BL31 maps lies below 4 GiB. */
#undef PLAT_VIRT_ADDR_SPACE_SIZE
#define PLAT_VIRT_ADDR_SPACE_SIZE (1ULL << 32)

/* The device tree is changed, too; and BL31 maps the secure pool flat and writable. */
#undef ARM_DTB_DRAM_NS
#define ARM_DTB_DRAM_NS                                                                                                \
	MAP_REGION_FLAT(VTPM_DEVICETREE_PA, VTPM_DEVICETREE_MAX_BYTES, MT_MEMORY | MT_RW | MT_NS),                     \
		MAP_REGION_FLAT(VTPM_SECURE_POOL_PA, VTPM_SECURE_POOL_BYTES, MT_MEMORY | MT_RW | MT_SECURE)

/* Besides the stock regions: pool, engine header, code and constants, queue pool. */
#undef PLAT_ARM_MMAP_ENTRIES
#define PLAT_ARM_MMAP_ENTRIES 13
#undef MAX_XLAT_TABLES
#define MAX_XLAT_TABLES 14

/* As large as on other platforms. */
#undef PLATFORM_STACK_SIZE
#define PLATFORM_STACK_SIZE UL(0x1000)
#endif

/* Which serial line carries what is in boards/juno.yaml: the boot on the monitor's UART, which TF-A sets up with it. */
#ifndef __ASSEMBLER__
_Static_assert(PLAT_ARM_BOOT_UART_BASE == SOC_CSS_UART0_BASE, "TF-A boots on the line `monitor`");
_Static_assert(PLAT_ARM_RUN_UART_BASE == SOC_CSS_UART1_BASE, "BL31 goes on on the line `firmware`");
_Static_assert(PLAT_ARM_CRASH_UART_BASE == SOC_CSS_UART1_BASE, "TF-A crashes on the line `firmware`");
#endif

#endif
