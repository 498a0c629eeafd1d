/* SPDX-License-Identifier: BSD-3-Clause */
/* The stock platform's numbers, less those that the service changes. */
#ifndef HIL_PLATFORM_DEF_H
#define HIL_PLATFORM_DEF_H

#include_next <platform_def.h>

#include "vtpm_platform.h"

/* A crash is reported on the UART that everything else uses. */
#undef PLAT_RPI_CRASH_UART_BASE
#define PLAT_RPI_CRASH_UART_BASE PLAT_RPI_PL011_UART_BASE

/* BL31 maps "BL32 memory" flat and writable: for us that is the secure pool. */
#define BL32_BASE VTPM_SECURE_POOL_PA
#define BL32_MEM_BASE VTPM_SECURE_POOL_PA
#define BL32_MEM_SIZE VTPM_SECURE_POOL_BYTES

/* Besides the stock regions: the pool, the engine's header, code and constants, the queue pool. */
#undef MAX_MMAP_REGIONS
#define MAX_MMAP_REGIONS 20
#undef MAX_XLAT_TABLES
#define MAX_XLAT_TABLES 12

#endif
