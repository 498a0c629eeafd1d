/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line as words: a command and its arguments.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

#define WORDS_MOST 24U

struct words {
	unsigned int count; /* the command itself is word 0 */
	char *word[WORDS_MOST];
};

/* Splits at spaces, in place. False: too many words. */
bool words_split(char *line, struct words *words);

/* Reads words from `first` on as hexadecimal numbers; false and an error reply when one is missing or malformed. */
bool words_numbers(const struct words *words, unsigned int first, unsigned int count, uint64_t *numbers,
		   struct reply *reply);

/* Whether a word is this one. */
bool word_is(const char *word, const char *other);

#endif
