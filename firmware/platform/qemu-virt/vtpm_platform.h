/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the vTPM service lives on QEMU's `virt` machine (secure=on): physical addresses, all fixed at build time.
 * Secure SRAM and DRAM are what `virt` gives with secure=on: 0x0e000000-0x0effffff, invisible to the normal world.
 */
#ifndef VTPM_PLATFORM_H
#define VTPM_PLATFORM_H

#include "vtpm_abi.h"

#define VTPM_SPACE_PROTECTED 1 /* the memory is secure in hardware (here: in the machine model) */

/* The engine image: BL2 loads it here (the BL32 slot). */
#define VTPM_ENGINE_PA 0x0e100000
#define VTPM_ENGINE_MAX_BYTES 0x00300000
#define VTPM_ENGINE_AUTHENTICATED 0 /* it is in the same FIP as BL31, which is as trusted as BL2 and its flash */

/* The secure pool: translation tables, then the service's state and the image pages, then the windows. */
#define VTPM_SECURE_POOL_PA 0x0e400000
#define VTPM_SECURE_POOL_BYTES 0x00c00000
#define VTPM_TABLES_PA VTPM_SECURE_POOL_PA
#define VTPM_TABLES_BYTES 0x00040000
#define VTPM_CALLS_PA (VTPM_TABLES_PA + 0x00018000) /* behind the tables: the calls that are under way */
#define VTPM_CALL_COUNT 20
#define VTPM_WINDOWS_PA 0x0e800000
#define VTPM_IMAGE_POOL_PA (VTPM_TABLES_PA + VTPM_TABLES_BYTES)
#define VTPM_IMAGE_POOL_BYTES (VTPM_WINDOWS_PA - VTPM_IMAGE_POOL_PA)
#define VTPM_WINDOW_COUNT 8
#define VTPM_MAX_INSTANCES 256

/* The queue pool: normal memory of the normal world, announced as reserved. */
#define VTPM_QUEUE_POOL_PA 0x41000000
#define VTPM_QUEUE_POOL_BYTES 0x00400000

/* The device tree that the boot loader hands on. */
#define VTPM_DEVICETREE_PA 0x40000000
#define VTPM_DEVICETREE_MAX_BYTES 0x00100000

#ifndef __ASSEMBLER__
#define VTPM_WINDOWS_END (VTPM_WINDOWS_PA + VTPM_WINDOW_COUNT * 0x100000)

_Static_assert(VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES <= VTPM_SECURE_POOL_PA, "the engine ends before the pool starts");
_Static_assert(VTPM_WINDOWS_END <= VTPM_SECURE_POOL_PA + VTPM_SECURE_POOL_BYTES, "the windows end inside the pool");
_Static_assert(VTPM_QUEUE_POOL_PA >= VTPM_DEVICETREE_PA + VTPM_DEVICETREE_MAX_BYTES,
	       "the queues do not overlap the device tree");
#endif

#endif
