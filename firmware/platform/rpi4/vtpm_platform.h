/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the vTPM service lives on a Raspberry Pi 4: physical addresses, all fixed at build time. They are in the first
 * GiB, which every model has, and well below its upper quarter, where the VideoCore puts what nobody gave a place, and
 * keeps memory for itself.
 *
 * The BCM2711 has no TZASC: "secure" memory is set aside in the device tree, and that is all that protects it.
 */
#ifndef VTPM_PLATFORM_H
#define VTPM_PLATFORM_H

#include "vtpm_abi.h"

#define VTPM_SPACE_PROTECTED 0

/* The queue pool: normal memory of the normal world, announced as reserved. */
#define VTPM_QUEUE_POOL_PA 0x20000000
#define VTPM_QUEUE_POOL_BYTES 0x00400000

/* The secure pool: translation tables, then the service's state and the image pages, then the windows. */
#define VTPM_SECURE_POOL_PA 0x20400000
#define VTPM_SECURE_POOL_BYTES 0x00c00000
#define VTPM_TABLES_PA VTPM_SECURE_POOL_PA
#define VTPM_TABLES_BYTES 0x00040000
#define VTPM_CALLS_PA (VTPM_TABLES_PA + 0x00018000) /* behind the tables: the calls that are under way */
#define VTPM_CALL_COUNT 20
#define VTPM_WINDOWS_PA 0x20800000
#define VTPM_IMAGE_POOL_PA (VTPM_TABLES_PA + VTPM_TABLES_BYTES)
#define VTPM_IMAGE_POOL_BYTES (VTPM_WINDOWS_PA - VTPM_IMAGE_POOL_PA)
#define VTPM_WINDOW_COUNT 8
#define VTPM_MAX_INSTANCES 256

/*
 * The engine image. The VideoCore loads it as the first, or only, part of the initramfs; what follows it is the
 * operating system's. BL31 has the SHA-256 of the one engine that it runs.
 */
#define VTPM_ENGINE_PA 0x21000000
#define VTPM_ENGINE_MAX_BYTES 0x00200000
#define VTPM_ENGINE_AUTHENTICATED 1

/* How far the device tree may grow; the VideoCore says where it is. */
#define VTPM_DEVICETREE_MAX_BYTES 0x00100000

#ifndef __ASSEMBLER__
#define VTPM_WINDOWS_END (VTPM_WINDOWS_PA + VTPM_WINDOW_COUNT * 0x100000)

_Static_assert(VTPM_QUEUE_POOL_PA + VTPM_QUEUE_POOL_BYTES <= VTPM_SECURE_POOL_PA, "the queues end before the pool");
_Static_assert(VTPM_WINDOWS_END <= VTPM_SECURE_POOL_PA + VTPM_SECURE_POOL_BYTES, "the windows end inside the pool");
_Static_assert(VTPM_SECURE_POOL_PA + VTPM_SECURE_POOL_BYTES <= VTPM_ENGINE_PA, "the pool ends before the engine");
#endif

#endif
