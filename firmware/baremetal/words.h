/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line as words: a command and its arguments.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

#define WORDS_MOST 24U /* `smc` takes the most: its name and 18 numbers */

struct words {
	unsigned int count; /* the command itself is word 0 */
	char *word[WORDS_MOST];
};

/* Splits the line at spaces, in place. False: it has too many words. */
bool words_split(char *line, struct words *words);

/*
 * Reads `count` words from `first` on as hexadecimal numbers. Returns false after it has written an error reply when
 * one is missing or malformed.
 */
bool words_numbers(const struct words *words, unsigned int first, unsigned int count, uint64_t *numbers,
		   struct reply *reply);

/* Whether two words are the same. */
bool word_is(const char *word, const char *other);

#endif
