/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Agents run programs: one per CPU at EL2, one per vCPU at EL1.
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
	struct vcpu *vcpu; /* NULL: an agent at EL2 */
	struct cpu *cpu;   /* the CPU it runs on, while it runs */
	uint32_t state;    /* enum agent_state */
	struct wanted wanted;
	bool stop; /* set by CPU 0: leave the guest */
};

/* The agent at EL2 on this CPU, or NULL. */
struct agent *agent_of_cpu(unsigned int index);

/* Starts the program in the mailbox, to end within `ticks`. False: no CPU is free. The agent must be idle. */
bool agent_start(struct agent *agent, uint64_t ticks);

/* CPU 0: waits for the agent's program, keeping the console alive. False: out of time and not stoppable. */
bool agent_wait(struct agent *agent);

/* CPU 0: makes the agent leave its guest. False: it is stuck in EL3. */
bool agent_stop(struct agent *agent);

/* On the CPU that was given the agent. */
void agent_execute(struct agent *agent, struct cpu *cpu);
void agent_finished(struct agent *agent);

#endif
