/* SPDX-License-Identifier: BSD-3-Clause */
/* BL31's header of this name, as far as a driver needs it; the registers behind it are those of a promise. */
#ifndef MMIO_H
#define MMIO_H

#include <stdint.h>

uint32_t mmio_read_32(uintptr_t address);
void mmio_write_32(uintptr_t address, uint32_t value);

#endif
