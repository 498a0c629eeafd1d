/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GPIO 14 and 15, the pins of the serial line. The VideoCore connects the mini-UART to them, unless an overlay says
 * otherwise, and neither, unless `enable_uart` is set; some versions of its firmware do neither. The monitor knows only
 * the PL011, so it connects that one itself. Registers: BCM2711 ARM Peripherals, 2.2.2 and 5.2; Arm DDI 0183.
 */
#include "pins.h"

#include <stdbool.h>
#include <stdint.h>

#include "mmio.h"
#include "platform.h"

#define GPFSEL1 (PLAT_GPIO_BASE + 0x04UL)
#define PIN_14_SHIFT 12U
#define PIN_15_SHIFT 15U
#define FUNCTION_MASK 7U
#define FUNCTION_ALT0 4U /* TXD0 and RXD0: the PL011 */
#define FUNCTION_ALT5 2U /* TXD1 and RXD1: the mini-UART */

#define BOTH(function) ((uint32_t)(function) << PIN_14_SHIFT | (uint32_t)(function) << PIN_15_SHIFT)

/* Pull resistors of GPIO 0 to 15, two bits each: 0 is none, 1 up. An input that nobody drives must read as idle. */
#define GPIO_PUP_PDN_CNTRL_REG0 (PLAT_GPIO_BASE + 0xE4UL)
#define PULLS(pull_14, pull_15) ((uint32_t)(pull_14) << 28U | (uint32_t)(pull_15) << 30U)

#define AUX_MU_LSR_REG (PLAT_MINI_UART_BASE + 0x14UL)
#define LSR_IDLE (1U << 6)
#define DRAIN_POLLS 1000000U /* a byte takes 87 us */

/* 48 MHz is the VideoCore's default (`init_uart_clock`), and TF-A's: 48 MHz / (16 * 115200) = 26 + 3/64. */
#define UARTIBRD (PLAT_UART_BASE + 0x24UL)
#define UARTFBRD (PLAT_UART_BASE + 0x28UL)
#define UARTCR (PLAT_UART_BASE + 0x30UL)
#define DIVISOR 26U
#define DIVISOR_64THS 3U

/* What BL31 said last may still be on its way out of the mini-UART. */
static void drain_mini_uart(void)
{
	for (uint32_t poll = 0; poll < DRAIN_POLLS && (mmio_read(AUX_MU_LSR_REG) & LSR_IDLE) == 0U; poll++) {
	}
}

/* If the PL011 has the pins already, BL31 has set its speed. */
void pins_connect_console(void)
{
	uint32_t selected = mmio_read(GPFSEL1);
	uint32_t functions = selected & BOTH(FUNCTION_MASK);

	if (functions == BOTH(FUNCTION_ALT0)) {
		return;
	}
	if (functions == BOTH(FUNCTION_ALT5)) {
		drain_mini_uart();
	}
	mmio_write(UARTCR, 0U);
	mmio_write(UARTIBRD, DIVISOR);
	mmio_write(UARTFBRD, DIVISOR_64THS); /* both are taken over by the write of UARTLCR_H that follows */
	mmio_write(GPIO_PUP_PDN_CNTRL_REG0, (mmio_read(GPIO_PUP_PDN_CNTRL_REG0) & ~PULLS(3U, 3U)) | PULLS(0U, 1U));
	mmio_write(GPFSEL1, (selected & ~BOTH(FUNCTION_MASK)) | BOTH(FUNCTION_ALT0));
}
