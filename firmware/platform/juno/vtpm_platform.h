/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the vTPM service lives on Juno: physical addresses, all fixed at build time. What is secure lies in the 14 MiB
 * at the end of the first DRAM that TF-A's TZC-400 settings give to the secure world (ARM_AP_TZC_DRAM1).
 */
#ifndef VTPM_PLATFORM_H
#define VTPM_PLATFORM_H

#include "vtpm_abi.h"

#define VTPM_SPACE_PROTECTED 1

/* The queue pool: normal memory of the normal world, announced as reserved. */
#define VTPM_QUEUE_POOL_PA 0xfec00000
#define VTPM_QUEUE_POOL_BYTES 0x00400000

/* The engine image: BL2 loads it here (the BL32 slot). */
#define VTPM_ENGINE_PA 0xff000000
#define VTPM_ENGINE_MAX_BYTES 0x00200000
#define VTPM_ENGINE_AUTHENTICATED 0 /* it is in the same FIP as BL31, which is as trusted as BL2 and its flash */

#define VTPM_CORTEX_A53 0x1 /* the engine is linked around the errata of Cortex-A53 */

/* The secure pool: translation tables, then the service's state and the image pages, then the windows. */
#define VTPM_SECURE_POOL_PA 0xff200000
#define VTPM_SECURE_POOL_BYTES 0x00c00000
#define VTPM_TABLES_PA VTPM_SECURE_POOL_PA
#define VTPM_TABLES_BYTES 0x00040000
#define VTPM_CALLS_PA (VTPM_TABLES_PA + 0x00018000) /* behind the tables: the calls that are under way */
#define VTPM_CALL_COUNT 20
#define VTPM_WINDOWS_PA 0xff600000
#define VTPM_IMAGE_POOL_PA (VTPM_TABLES_PA + VTPM_TABLES_BYTES)
#define VTPM_IMAGE_POOL_BYTES (VTPM_WINDOWS_PA - VTPM_IMAGE_POOL_PA)
#define VTPM_WINDOW_COUNT 8
#define VTPM_MAX_INSTANCES 256

/* The device tree that BL2 loads (`hw-config` of TF-A's juno_fw_config.dts), and how far it may grow. */
#define VTPM_DEVICETREE_PA 0x82000000
#define VTPM_DEVICETREE_MAX_BYTES 0x00010000

#ifndef __ASSEMBLER__
#define VTPM_WINDOWS_END (VTPM_WINDOWS_PA + VTPM_WINDOW_COUNT * 0x100000)

_Static_assert(VTPM_QUEUE_POOL_PA + VTPM_QUEUE_POOL_BYTES <= VTPM_ENGINE_PA, "the queues end before the secure DRAM");
_Static_assert(VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES <= VTPM_SECURE_POOL_PA, "the engine ends before the pool starts");
_Static_assert(VTPM_WINDOWS_END <= VTPM_SECURE_POOL_PA + VTPM_SECURE_POOL_BYTES, "the windows end inside the pool");
#endif

#endif
