/* SPDX-License-Identifier: BSD-3-Clause */
/* A small machine for host tests: few windows and few pages, so that limits are reached quickly. */
#ifndef VTPM_PLATFORM_H
#define VTPM_PLATFORM_H

#include "vtpm_abi.h"

#define VTPM_SPACE_PROTECTED 0

#define VTPM_ENGINE_PA 0x0e100000
#define VTPM_ENGINE_MAX_BYTES 0x00300000

#define VTPM_SECURE_POOL_PA 0x0e400000
#define VTPM_SECURE_POOL_BYTES 0x00400000
#define VTPM_IMAGE_POOL_PA VTPM_SECURE_POOL_PA
#define VTPM_IMAGE_POOL_BYTES 0x00040000
#define VTPM_WINDOWS_PA 0x0e500000
#define VTPM_WINDOW_COUNT 3
#define VTPM_MAX_INSTANCES 16

#define VTPM_QUEUE_POOL_PA 0x41000000
#define VTPM_QUEUE_POOL_BYTES 0x00040000

#endif
