/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device registers. An access is volatile, so that it happens once and with the width of its type.
 */
#ifndef MMIO_H
#define MMIO_H

#include <stdint.h>

static inline uint32_t mmio_read(uintptr_t at)
{
	return *(const volatile uint32_t *)at;
}

static inline void mmio_write(uintptr_t at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

static inline void mmio_write64(uintptr_t at, uint64_t value)
{
	*(volatile uint64_t *)at = value;
}

#endif
