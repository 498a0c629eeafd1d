/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPUs of the board. CPU 0 runs the shell; the others sleep until they are given an agent to run.
 */
#ifndef CPU_H
#define CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "guard.h"
#include "platform.h"

struct agent;

/* PSCI (Arm DEN0022F.b, 5.2.2): SUCCESS, the only return code that is not negative. */
#define PSCI_SUCCESS 0U

#define CPU_STACK_BYTES 0x4000U

struct cpu {
	uint64_t stack_top; /* first: cpu_entry in entry.S reads it */
	struct cpu_local local;
	unsigned int index;
	uint64_t mpidr;
	uint64_t target; /* its name to the interrupt controller, from gic_start_cpu() */
	bool online;
	struct agent *job; /* set by CPU 0, cleared by this CPU */
	bool leaving;      /* set by CPU 0: switch yourself off; cleared by this CPU if the firmware refuses */
	uint64_t refusal;  /* what CPU_OFF returned, if it did */
};

/* Makes this CPU number 0, then brings up the others. Returns within a bounded time, also if some do not come up. */
void cpu_start_all(void);

/* Returns the CPU of that index, or NULL if it does not exist or did not come up. */
struct cpu *cpu_get(unsigned int index);

/* Returns an online CPU other than 0 that has no job, or NULL. */
struct cpu *cpu_idle(void);

/* CPU 0: gives an idle CPU a job and wakes it. What was written before is visible to that CPU when it starts. */
void cpu_give(struct cpu *cpu, struct agent *job);

/*
 * CPU 0: has an idle CPU other than 0 switch itself off by PSCI's CPU_OFF. Returns within a bounded time: PSCI_SUCCESS
 * as soon as the firmware says that the CPU is off, what CPU_OFF returned if it did, or what AFFINITY_INFO says if the
 * CPU is still not off.
 */
uint64_t cpu_turn_off(struct cpu *cpu);

/*
 * CPU 0: turns on a CPU that is off, by PSCI's CPU_ON; NULL if there is no CPU of that index, or it is online. Returns
 * what CPU_ON does; after PSCI_SUCCESS, the CPU is online unless it did not come up within a bounded time.
 */
struct cpu *cpu_offline(unsigned int index);
uint64_t cpu_turn_on(struct cpu *cpu);

/* Sends an interrupt that wakes the CPU, or makes it leave its guest, so that it looks around. */
void cpu_kick(const struct cpu *cpu);

#define CPU_SLEEP_FOREVER UINT64_MAX

/*
 * CPU 0: sleeps until an interrupt comes, or until CNTPCT_EL0 reaches `until`. It may return early. Takes one pending
 * interrupt.
 */
void cpu_sleep(uint64_t until);

/* Takes an interrupt that has interrupted EL2 itself. */
void cpu_interrupted(uint64_t now);

/* Takes and ends the next interrupt that is pending on this CPU, if there is one. */
void cpu_take_interrupt(void);

#endif
