/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The serial line of the shell: input is buffered, so that nothing is lost while CPU 0 waits for an agent.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stddef.h>
#include <stdint.h>

void console_start(void);

/* Moves what the UART has received into the buffer. */
void console_poll(void);

/* Waits for a byte. */
uint8_t console_get(void);

/* Sends text, line feeds with carriage returns. */
void console_put(const char *text);
void console_put_bytes(const void *bytes, size_t count);

#endif
