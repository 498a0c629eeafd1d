/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arm PrimeCell UART (PL011, Arm DDI 0183), polled; its receive interrupt only wakes a CPU from WFI.
 */
#ifndef PL011_H
#define PL011_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void pl011_start(uintptr_t base);
bool pl011_receive(uintptr_t base, uint8_t *byte);
void pl011_send(uintptr_t base, const uint8_t *bytes, size_t count);

#endif
