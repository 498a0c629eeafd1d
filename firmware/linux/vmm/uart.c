/* SPDX-License-Identifier: BSD-3-Clause */
#include "uart.h"

#include <unistd.h>

#define UART_DATA 0x00
#define UART_FLAGS 0x18
#define UART_RECEIVE_EMPTY (1u << 4)
#define UART_TRANSMIT_EMPTY (1u << 7)

#define LOG_BYTES (1u << 20) /* where standard error is a file, it must not fill the host's memory */

void uart_write(uint64_t offset, uint32_t value)
{
	static _Atomic uint32_t written;
	uint8_t byte = (uint8_t)value;

	/* There is nobody to tell if any of this fails: what the guest logs is lost then. */
	if (offset != UART_DATA || write(STDERR_FILENO, &byte, 1) != 1)
		return;
	if (++written % LOG_BYTES == 0 && ftruncate(STDERR_FILENO, 0) < 0)
		return;
}

uint32_t uart_read(uint64_t offset)
{
	return offset == UART_FLAGS ? UART_RECEIVE_EMPTY | UART_TRANSMIT_EMPTY : 0;
}
