/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line as words: splitting it, and reading its numbers.
 */
#include "words.h"

#include "codec.h"

bool words_split(char *line, struct words *words)
{
	words->count = 0;
	for (;;) {
		while (*line == ' ') {
			*line++ = '\0';
		}
		if (*line == '\0') {
			return true;
		}
		if (words->count == WORDS_MOST) {
			return false;
		}
		words->word[words->count++] = line;
		while (*line != ' ' && *line != '\0') {
			line++;
		}
	}
}

bool words_numbers(const struct words *words, unsigned int first, unsigned int count, uint64_t *numbers,
		   struct reply *reply)
{
	for (unsigned int i = 0; i < count; i++) {
		if (first + i >= words->count || !parse_hex(words->word[first + i], &numbers[i])) {
			reply_error(reply, "usage: a hexadecimal number is missing or malformed");
			return false;
		}
	}
	return true;
}

bool word_is(const char *word, const char *other)
{
	while (*word != '\0' && *word == *other) {
		word++;
		other++;
	}
	return *word == *other;
}
