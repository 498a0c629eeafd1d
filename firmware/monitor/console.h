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

/* Waits for a byte. `in_line`: more is about to come, so it is not worth sleeping at once. */
uint8_t console_get(int in_line);

void console_put(const char *text);
void console_put_bytes(const void *bytes, size_t count);

#endif
