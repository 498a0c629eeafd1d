/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arm PrimeCell UART (PL011, Arm DDI 0183), polled. Its receive interrupt is enabled, but only wakes a CPU from WFI.
 */
#ifndef PL011_H
#define PL011_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Switches it on with 8 data bits and FIFOs. Input that came before is lost. */
void pl011_start(uintptr_t base);

/* Takes a byte that was received; returns false if there is none. */
bool pl011_receive(uintptr_t base, uint8_t *byte);

/* Returns when the last byte is in the FIFO, so it takes as long as the line does. */
void pl011_send(uintptr_t base, const uint8_t *bytes, size_t count);

#endif
