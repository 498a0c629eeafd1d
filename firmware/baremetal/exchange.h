/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs and outcomes between a line of the dialogue and a mailbox. agent_abi.h says how they travel.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "mailbox.h"
#include "words.h"

/* What of the outcome the request wants back. Not kept in the mailbox, because a guest can write to its own. */
struct wanted {
	uint32_t data_offset;
	uint32_t data_bytes;
	uint32_t length_register;
	uint32_t registers; /* mask */
};

/*
 * Puts a program and its data into the mailbox, from the words of
 *
 *   run <agent> <microseconds> <data offset> <data bytes> <length register> <register mask> <program> <data, or ->
 *
 * The outcome has <data bytes> of data, or fewer if the length register, of which a number above 31 means none, holds a
 * smaller number. Returns false after it has written an error reply when something is malformed.
 */
bool exchange_load(const struct words *words, struct mailbox *box, struct wanted *wanted, struct reply *reply);

/* Answers with the outcome. The agent must have finished. */
void exchange_outcome(const struct mailbox *box, const struct wanted *wanted, struct reply *reply);

/* Answers that the program could not be stopped. */
void exchange_stuck(struct reply *reply);

#endif
