/* SPDX-License-Identifier: BSD-3-Clause */

#include "console.h"

#include <stdbool.h>

#include "cpu.h"
#include "pl011.h"
#include "platform.h"
#include "sysreg.h"

/* Holds the longest line and a resent one; a power of two. What does not fit is lost, and the frame check tells. */
#define BUFFER_BYTES 0x40000U

/* A sender in the middle of a line is given this long before the CPU sleeps. */
#define SPIN_MICROSECONDS 200U

static uint8_t buffer[BUFFER_BYTES];
static uint32_t head;
static uint32_t tail;

void console_start(void)
{
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

uint8_t console_get(int in_line)
{
	uint64_t spin_until = in_line != 0 ? counter_now() + counter_ticks(SPIN_MICROSECONDS) : 0U;

	for (;;) {
		console_poll();
		if (head != tail) {
			return buffer[tail++ % BUFFER_BYTES];
		}
		if (counter_now() >= spin_until) {
			cpu_sleep(UINT64_MAX);
		}
	}
}

void console_put_bytes(const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < count; i++) {
		pl011_send(PLAT_UART_BASE, byte[i]);
	}
}

void console_put(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			pl011_send(PLAT_UART_BASE, '\r');
		}
		pl011_send(PLAT_UART_BASE, (uint8_t)*text);
	}
}
