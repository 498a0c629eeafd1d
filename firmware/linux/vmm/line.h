/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of the guest's console: standard input and output, or one client at a time of a socket. The last output
 * without a client is kept for the next one.
 */
#ifndef VMM_LINE_H
#define VMM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Takes clients of a listening socket instead of standard input and output. */
void line_listen(int listener);

/* Passes on output, on the thread of a processor. Blocks for as long as the client does not read. */
void line_write(const uint8_t *bytes, size_t length);

/* Descriptors to poll: input, or the end, of the present client; new clients. -1: nothing to wait for. */
int line_input(void);
int line_newcomers(void);

/* Reads input after poll has said that there is some. 0: the input has ended. */
ssize_t line_read(void *buffer, size_t size);

/*
 * Accepts a new client in the place of the present one, of whose socket one half is shut: attach.c tells the
 * difference.
 */
void line_take_newcomer(void);

/* The input has ended: a client is forgotten; after the end of standard input the guest goes on. */
void line_input_ended(void);

/* The other end has hung up: a client is forgotten; without standard input and output the process ends. */
void line_hung_up(void);

#endif
