/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPUs: CPU 0 runs the shell, the others sleep until they are given an agent's request.
 */
#ifndef CPU_H
#define CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "guard.h"
#include "platform.h"

struct agent;

#define CPU_STACK_BYTES 0x4000U

struct cpu {
	uint64_t stack_top; /* first: cpu_entry reads it */
	struct cpu_local local;
	unsigned int index;
	uint64_t mpidr;
	uint64_t target; /* its name to the interrupt controller */
	bool online;
	struct agent *job; /* set by CPU 0, cleared by this CPU */
};

/* Brings up this CPU as CPU 0, then the others, each with a bound. */
void cpu_start_all(void);

/* NULL: no such CPU, or it did not come up. */
struct cpu *cpu_get(unsigned int index);

/* An online CPU other than 0 without a job, or NULL. */
struct cpu *cpu_idle(void);

/* Gives an idle CPU a job and wakes it. */
void cpu_give(struct cpu *cpu, struct agent *job);

/* Makes a CPU leave its guest, so that it looks at its agent's `stop`. */
void cpu_kick(const struct cpu *cpu);

#define CPU_SLEEP_FOREVER UINT64_MAX

/* CPU 0: sleeps until an interrupt comes, at most until counter value `until`; one that is pending is then taken. */
void cpu_sleep(uint64_t until);

/* Takes and ends the next interrupt that is pending on this CPU, if any. */
void cpu_take_interrupt(void);

#endif
