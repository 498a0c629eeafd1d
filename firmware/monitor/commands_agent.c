/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about agents: run, start, wait. An agent is named `m<cpu>` at EL2 and `<vm>.<vcpu>` at EL1, in hexadecimal
 * like every number of the dialogue.
 */
#include "codec.h"
#include "commands_machine.h"
#include "sysreg.h"
#include "vm.h"

/* Cuts the name at its dot: the words of a request are the command's to change. */
static struct agent *agent_of_vcpu(char *name)
{
	char *dot = name;
	uint64_t number;
	uint64_t index;
	struct vm *vm;

	while (*dot != '.' && *dot != '\0') {
		dot++;
	}
	if (*dot == '\0') {
		return NULL;
	}
	*dot = '\0';
	if (!parse_hex(name, &number) || !parse_hex(dot + 1, &index)) {
		return NULL;
	}
	vm = vm_get(number);
	/* With an operating system in the VM, no agent is in its vCPU. */
	return vm != NULL && vm->linux_guest == NULL && index < vm->vcpus ? &vm->vcpu[index].agent : NULL;
}

static struct agent *agent_named(const struct words *words, struct reply *reply)
{
	struct agent *agent = NULL;
	uint64_t cpu;

	if (words->count > 1U) {
		char *name = words->word[1];

		if (name[0] != 'm') {
			agent = agent_of_vcpu(name);
		} else if (parse_hex(name + 1, &cpu)) {
			agent = agent_of_cpu((unsigned int)cpu);
		}
	}
	if (agent == NULL) {
		reply_error(reply, "agent: there is no such CPU, VM or vCPU");
	}
	return agent;
}

/* Returns the agent, running, or NULL after an error reply. */
static struct agent *start_agent(const struct words *words, struct reply *reply)
{
	struct agent *agent = agent_named(words, reply);
	uint64_t microseconds;

	if (agent == NULL || !words_numbers(words, 2, 1, &microseconds, reply)) {
		return NULL;
	}
	/* Not only while it runs: a new program would overwrite the outcome of the last one. */
	if (__atomic_load_n(&agent->state, __ATOMIC_ACQUIRE) != AGENT_IDLE) {
		reply_error(reply, "busy: the agent is running, or its outcome has not been fetched");
		return NULL;
	}
	if (!exchange_load(words, agent->box, &agent->wanted, reply)) {
		return NULL;
	}
	if (!agent_start(agent, counter_ticks(microseconds))) {
		reply_error(reply, "busy: every CPU is running an agent");
		return NULL;
	}
	return agent;
}

static void finish(struct agent *agent, struct reply *reply)
{
	if (agent_wait(agent)) {
		exchange_outcome(agent->box, &agent->wanted, reply);
		agent->state = AGENT_IDLE;
	} else {
		/* The agent stays busy for as long as EL3 keeps its CPU: it can still write to its mailbox. */
		exchange_stuck(reply);
	}
}

/* start <agent> <microseconds> ...: the other arguments are listed in exchange.h. */
void request_start(const struct words *words, struct reply *reply)
{
	(void)start_agent(words, reply);
}

/* wait <agent>: the outcome of the program that was started; answers soon after its deadline at the latest. */
void request_wait(const struct words *words, struct reply *reply)
{
	struct agent *agent = agent_named(words, reply);

	if (agent == NULL) {
		return;
	}
	if (__atomic_load_n(&agent->state, __ATOMIC_ACQUIRE) == AGENT_IDLE) {
		reply_error(reply, "idle: nothing was started");
		return;
	}
	finish(agent, reply);
}

/* run ...: start, then wait. Takes the arguments of start. */
void request_run(const struct words *words, struct reply *reply)
{
	struct agent *agent = start_agent(words, reply);

	if (agent != NULL) {
		finish(agent, reply);
	}
}
