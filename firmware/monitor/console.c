/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The serial line of CPU 0: a PL011 with a large buffer in front of it. The UART's own FIFO overflows within a
 * millisecond or two, so whatever CPU 0 waits for, it moves input to the buffer meanwhile.
 */
#include "console.h"

#include "cpu.h"
#include "pins.h"
#include "pl011.h"
#include "platform.h"

/*
 * Holds the longest request and a repetition of it; a power of two, so that the counters may wrap around. What does not
 * fit is dropped: the frame's CRC then does not match, and the other end asks again.
 */
#define BUFFER_BYTES 0x40000U

static uint8_t buffer[BUFFER_BYTES];
static uint32_t head;
static uint32_t tail;

void console_start(void)
{
#ifdef PLAT_CONSOLE_PINS
	pins_connect_console();
#endif
	pl011_start(PLAT_UART_BASE);
}

void console_poll(void)
{
	uint8_t byte;

	while (pl011_receive(PLAT_UART_BASE, &byte)) {
		if (head - tail < BUFFER_BYTES) {
			buffer[head++ % BUFFER_BYTES] = byte;
		}
	}
}

/* Sleeps instead of polling: an emulated UART receives nothing while a CPU keeps reading its registers. */
uint8_t console_get(void)
{
	for (;;) {
		console_poll();
		if (head != tail) {
			return buffer[tail++ % BUFFER_BYTES];
		}
		cpu_sleep(CPU_SLEEP_FOREVER);
	}
}

void console_put_bytes(const void *bytes, size_t count)
{
	pl011_send(PLAT_UART_BASE, bytes, count);
}

void console_put(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			console_put_bytes("\r", 1);
		}
		console_put_bytes(text, 1);
	}
}
