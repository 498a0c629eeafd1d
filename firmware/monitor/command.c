/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds and runs the commands of the shell. Each runs under a guard, because a command touches whatever address it is
 * told to: an exception in it becomes an error reply instead of the end of the monitor.
 */
#include "command.h"

#include <stddef.h>

#include "agent_abi.h"
#include "cpu.h"
#include "guard.h"

static const struct command *find(const struct command *commands, const char *name)
{
	for (; commands->name != NULL; commands++) {
		if (word_is(commands->name, name)) {
			return commands;
		}
	}
	return NULL;
}

static void report_fault(const struct guard *guard, struct reply *reply)
{
	reply_error(reply, guard->class == AGENT_FAULT_SERROR ? "fault serror esr=" : "fault esr=");
	reply_hex(reply, guard->esr);
	reply_text(reply, " elr=");
	reply_hex(reply, guard->elr);
	reply_text(reply, " far=");
	reply_hex(reply, guard->far);
}

/*
 * A function of its own, never inlined: guard_enter() returns twice, and a variable of the caller that is kept in a
 * register would go back to its old value at the second return.
 */
static __attribute__((noinline)) void run_guarded(const struct command *command, const struct words *words,
						  struct reply *reply)
{
	struct cpu *cpu = cpu_get(0);
	struct guard guard;

	cpu->local.guard = &guard;
	if (guard_enter(&guard) == 0) {
		command->run(words, reply);
	} else {
		report_fault(&guard, reply);
	}
	cpu->local.guard = NULL; /* it is on this stack */
}

void command_run(const struct command *commands, const struct words *words, struct reply *reply)
{
	const struct command *command = find(commands, words->word[0]);

	if (command == NULL) {
		reply_error(reply, "unknown: no such command");
		return;
	}
	reply_text(reply, "ok"); /* reply_error() replaces it */
	run_guarded(command, words, reply);
}
