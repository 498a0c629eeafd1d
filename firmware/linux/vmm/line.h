/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is at the other end of the guest's console: standard input and output, or one client at a time of a socket. What
 * the guest says while nobody is there is kept, the last of it, for who comes next.
 */
#ifndef VMM_LINE_H
#define VMM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Takes clients of a listening socket instead of standard input and output. */
void line_listen(int listener);

/* Passes on what the guest says, on the thread of a processor; waits as long as who is there does not read. */
void line_write(const uint8_t *bytes, size_t length);

/* What to wait for: input, if it is wanted, or the end of who is there; and newcomers. -1: nobody, nothing. */
int line_input(void);
int line_newcomers(void);

/* Reads input, of which there is some; 0: it has ended. */
ssize_t line_read(void *buffer, size_t size);

/* A newcomer takes the place of who is there, who can tell that from the end of the guest: only one half is closed. */
void line_take_newcomer(void);

/* Who is there will say no more: a client is forgotten, and without standard input the guest goes on. */
void line_input_ended(void);

/* Who was there is gone: a client is forgotten, but with standard input and output the guest's process ends. */
void line_hung_up(void);

#endif
