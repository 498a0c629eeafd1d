/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the shell: a list for people and a list for programs. A command gets the words of its line and writes the
 * text of its answer.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "words.h"

struct command {
	const char *name;
	const char *usage; /* arguments and meaning, for `help` */
	void (*run)(const struct words *words, struct reply *reply);
};

/* Each list ends with a NULL name. */
extern const struct command human_commands[];
extern const struct command machine_commands[];

/* Runs the command that word 0 names, or answers that it does not exist. An exception in it becomes an error reply. */
void command_run(const struct command *commands, const struct words *words, struct reply *reply);

#endif
