/* SPDX-License-Identifier: BSD-3-Clause */
/* The stock platform's numbers, less those that the service changes. */
#ifndef HIL_PLATFORM_DEF_H
#define HIL_PLATFORM_DEF_H

#include_next <platform_def.h>

#include "vtpm_platform.h"

/* The firmware's console is the secure UART; UART0 belongs to the normal world. */
#undef PLAT_QEMU_BOOT_UART_BASE
#define PLAT_QEMU_BOOT_UART_BASE UART1_BASE

/* BL33, the monitor, lies low so that the machine needs little memory. */
#undef NS_IMAGE_OFFSET
#define NS_IMAGE_OFFSET ULL(0x42000000)
#undef NS_IMAGE_MAX_SIZE
#define NS_IMAGE_MAX_SIZE ULL(0x02000000)

/* The engine image in the BL32 slot. */
#undef BL32_LIMIT
#define BL32_LIMIT (VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES)

/* BL31 maps "BL32 memory" flat and writable: for us that is the secure pool. */
#ifdef IMAGE_BL31
#undef BL32_MEM_BASE
#define BL32_MEM_BASE VTPM_SECURE_POOL_PA
#undef BL32_MEM_SIZE
#define BL32_MEM_SIZE VTPM_SECURE_POOL_BYTES
#endif

/* Besides the stock regions: engine header, code and constants, queue pool, device tree. */
#undef MAX_MMAP_REGIONS
#define MAX_MMAP_REGIONS 20
#undef MAX_XLAT_TABLES
#define MAX_XLAT_TABLES 12

#endif
