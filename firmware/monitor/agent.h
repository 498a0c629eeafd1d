/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Agents run programs (agent_abi.h): one agent per CPU at EL2, one per vCPU at EL1.
 *
 * Only CPU 0 starts and stops agents. While an agent runs, its mailbox and its outcome belong to the CPU that runs it;
 * `state` says who has them.
 */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange.h"

struct cpu;
struct vcpu;

enum agent_state { AGENT_IDLE, AGENT_RUNNING, AGENT_FINISHED };

struct agent {
	struct mailbox *box;
	struct vcpu *vcpu;    /* NULL: an agent at EL2 */
	struct cpu *cpu;      /* the CPU it runs on, while it runs */
	uint32_t state;       /* enum agent_state: CPU 0 sets RUNNING and IDLE, the CPU that runs it FINISHED */
	struct wanted wanted; /* what of the outcome the request asked for */
	bool stop;            /* set by CPU 0: leave the guest */
};

/* The agent at EL2 on the CPU of that index, or NULL if that CPU is not online. */
struct agent *agent_of_cpu(unsigned int index);

/*
 * Starts the program in the mailbox, with a deadline `ticks` of CNTPCT_EL0 from now. The agent must be idle. Returns
 * false, and has changed nothing, when no CPU is free. On CPU 0's own agent it returns after the program has ended.
 */
bool agent_start(struct agent *agent, uint64_t ticks);

/*
 * CPU 0: waits for the end of the agent's program while it keeps reading the console, and stops the agent after its
 * deadline. Always returns. False: the agent could not be stopped, and its mailbox is still in use.
 */
bool agent_wait(struct agent *agent);

/* CPU 0: makes the agent leave its guest, within a bounded time. False: it did not, which only code at EL3 can do. */
bool agent_stop(struct agent *agent);

/* On the CPU that was given the agent: runs the program to its end, then says so. */
void agent_execute(struct agent *agent, struct cpu *cpu);
void agent_finished(struct agent *agent);

#endif
