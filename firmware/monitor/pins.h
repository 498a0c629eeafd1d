/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For boards whose console UART has to be connected to its pins first; these have PLAT_CONSOLE_PINS in platform.h.
 */
#ifndef PINS_H
#define PINS_H

/* Connects PLAT_UART_BASE to the pins of the serial line, before the console starts. */
void pins_connect_console(void);

#endif
