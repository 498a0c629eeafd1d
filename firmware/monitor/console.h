/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The serial line of the shell. Input is buffered, so that nothing is lost while CPU 0 waits for an agent. Only CPU 0
 * uses it, except for fault_unguarded().
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stddef.h>
#include <stdint.h>

void console_start(void);

/* Moves what the UART has received into the buffer. */
void console_poll(void);

/* Returns the next byte; sleeps until there is one. */
uint8_t console_get(void);

/* Sends text as terminals want it (a carriage return before each line feed), or bytes as they are. */
void console_put(const char *text);
void console_put_bytes(const void *bytes, size_t count);

#endif
