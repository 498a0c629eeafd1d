/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the shell: those for people and those for programs.
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

/* Runs the command, or answers that there is none. A fault in it becomes its answer. */
void command_run(const struct command *commands, const struct words *words, struct reply *reply);

#endif
