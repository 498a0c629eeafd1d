/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As much of Arm's PL011 (DDI 0183) as the kernel's early console uses. Output goes to standard error.
 */
#ifndef VMM_UART_H
#define VMM_UART_H

#include <stdbool.h>
#include <stdint.h>

#define UART_BYTES 0x1000

/* The guest's accesses to its registers. */
void uart_write(uint64_t offset, uint32_t value);
uint32_t uart_read(uint64_t offset);

#endif
