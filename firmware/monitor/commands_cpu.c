/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about CPUs: online, off, on. A CPU is named by its index in hexadecimal; CPU 0, which answers, stays on.
 */
#include "commands_machine.h"
#include "cpu.h"

/* online -> the CPUs that are on */
void request_online(const struct words *words, struct reply *reply)
{
	(void)words;
	for (unsigned int i = 0; i < PLAT_CPUS; i++) {
		const uint64_t index = i;

		if (cpu_get(i) != NULL) {
			reply_numbers(reply, &index, 1);
		}
	}
}

/* off <cpu> -> what PSCI says: 0, or why the CPU is still on */
void request_off(const struct words *words, struct reply *reply)
{
	uint64_t index;
	uint64_t status;
	struct cpu *cpu;

	if (!words_numbers(words, 1, 1, &index, reply)) {
		return;
	}
	cpu = index < PLAT_CPUS ? cpu_get((unsigned int)index) : NULL;
	if (cpu == NULL || index == 0U) {
		reply_error(reply, "argument: no such CPU is online, or it is the one that answers");
	} else if (__atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE) != NULL) {
		reply_error(reply, "busy: the CPU is running an agent");
	} else {
		status = cpu_turn_off(cpu);
		reply_numbers(reply, &status, 1);
	}
}

/* on <cpu> -> what PSCI's CPU_ON returned, and whether the CPU came up */
void request_on(const struct words *words, struct reply *reply)
{
	uint64_t index;
	uint64_t answer[2];
	struct cpu *cpu;

	if (!words_numbers(words, 1, 1, &index, reply)) {
		return;
	}
	cpu = index < PLAT_CPUS ? cpu_offline((unsigned int)index) : NULL;
	if (cpu == NULL) {
		reply_error(reply, "argument: there is no such CPU, or it is online");
		return;
	}
	answer[0] = cpu_turn_on(cpu);
	answer[1] = cpu_get((unsigned int)index) != NULL;
	reply_numbers(reply, answer, 2);
}
