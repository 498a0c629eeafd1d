/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs and outcomes between a line and a mailbox (agent_abi.h says how they travel).
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "mailbox.h"
#include "words.h"

/* What of the outcome is wanted back. Not kept in the mailbox: a guest can write to its own. */
struct wanted {
	uint32_t data_offset;
	uint32_t data_bytes;
	uint32_t length_register;
	uint32_t registers; /* mask */
};

/*
 * Puts a program and its data into the mailbox, from the words of
 * run <agent> <microseconds> <data offset> <data bytes> <length register> <register mask> <program> <data, or ->
 * The data wanted back is shortened to what is in the length register, if there is a register of that number.
 * False and an error reply when they are malformed.
 */
bool exchange_load(const struct words *words, struct mailbox *box, struct wanted *wanted, struct reply *reply);

/* Answers with the outcome. */
void exchange_outcome(const struct mailbox *box, const struct wanted *wanted, struct reply *reply);

/* Answers that the program could not be stopped. */
void exchange_stuck(struct reply *reply);

#endif
