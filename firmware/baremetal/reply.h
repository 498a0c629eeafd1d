/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answer to the request in progress. It is kept, so that a repeated request gets the same answer.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stddef.h>
#include <stdint.h>

/* An outcome with every register and the whole data area, in base64, and the frame around it. */
#define REPLY_BYTES 0xC000U

struct reply {
	size_t prefix; /* length of what an error leaves in place */
	size_t length;
	char text[REPLY_BYTES];
};

void reply_begin(struct reply *reply);

/* Protects what was written so far, the start of the frame, from reply_error(). */
void reply_keep(struct reply *reply);
void reply_text(struct reply *reply, const char *text);
void reply_hex(struct reply *reply, uint64_t value);

/* Each in hexadecimal, with a blank before it. */
void reply_numbers(struct reply *reply, const uint64_t *values, unsigned int count);

void reply_base64(struct reply *reply, const void *bytes, size_t count);

/* Replaces what the command has written so far by `err <reason>`. */
void reply_error(struct reply *reply, const char *reason);

#endif
