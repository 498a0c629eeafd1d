/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PL011, polled. The boot firmware has set the baud rate, which is not touched: the monitor does not know the UART's
 * clock.
 */
#include "pl011.h"

#include "mmio.h"

/* Arm DDI 0183, "Register descriptions". */
#define UARTDR 0x00U
#define UARTFR 0x18U
#define UARTLCR_H 0x2CU
#define UARTCR 0x30U
#define UARTIMSC 0x38U

#define FR_RXFE (1U << 4)
#define FR_TXFE (1U << 7)
#define LCR_FEN (1U << 4)
#define LCR_8BIT (3U << 5)
#define CR_UARTEN (1U << 0)
#define CR_TXE (1U << 8)
#define CR_RXE (1U << 9)
#define INT_RX (1U << 4)
#define INT_RX_TIMEOUT (1U << 6)
#define FIFO_BYTES 16U /* up to r1p4; later revisions have 32 */

void pl011_start(uintptr_t base)
{
	mmio_write(base + UARTLCR_H, LCR_8BIT | LCR_FEN);
	mmio_write(base + UARTCR, CR_UARTEN | CR_TXE | CR_RXE);
	mmio_write(base + UARTIMSC, INT_RX | INT_RX_TIMEOUT);
	/*
	 * Enabling the FIFO empties it. An emulator may hold back input until it sees a read, and no interrupt would
	 * then ever ask for one: reading once, empty or not, makes the input flow again.
	 */
	(void)mmio_read(base + UARTDR);
}

/* The error bits of UARTDR are dropped: a byte with a framing, parity or break error is noise that the CRC finds. */
bool pl011_receive(uintptr_t base, uint8_t *byte)
{
	if ((mmio_read(base + UARTFR) & FR_RXFE) != 0U) {
		return false;
	}
	*byte = (uint8_t)mmio_read(base + UARTDR);
	return true;
}

/* Waits for an empty FIFO and fills it: looking at the flags before each byte would double the accesses. */
void pl011_send(uintptr_t base, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if ((i % FIFO_BYTES) == 0U) {
			while ((mmio_read(base + UARTFR) & FR_TXFE) == 0U) {
			}
		}
		mmio_write(base + UARTDR, bytes[i]);
	}
}
