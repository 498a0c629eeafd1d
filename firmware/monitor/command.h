/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the shell: those for people and those for programs.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

#define COMMAND_WORDS 24U

struct words {
	unsigned int count; /* the command itself is word 0 */
	char *word[COMMAND_WORDS];
};

struct command {
	const char *name;
	const char *usage; /* arguments and meaning, for `help` */
	void (*run)(const struct words *words, struct reply *reply);
};

/* Each list ends with a NULL name. */
extern const struct command human_commands[];
extern const struct command machine_commands[];

/* Runs the command, or answers that there is none. A fault in it becomes its answer. */
void command_run(const struct command *commands, const struct words *words, struct reply *reply);

/* Splits at spaces, in place. False: too many words. */
bool words_split(char *line, struct words *words);

/* Reads words from `first` on as hexadecimal numbers; false and an error reply when one is missing or malformed. */
bool words_numbers(const struct words *words, unsigned int first, unsigned int count, uint64_t *numbers,
		   struct reply *reply);

#endif
