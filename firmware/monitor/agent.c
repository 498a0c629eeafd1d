/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Agents as CPU 0 sees them: it gives an agent's program to a CPU, waits for the end, and takes the CPU back when the
 * program does not end by itself. The other half, running what a CPU was given, is agent_execute().
 */
#include "agent.h"

#include "console.h"
#include "cpu.h"
#include "interpreter.h"
#include "linux_guest.h"
#include "sysreg.h"
#include "vm.h"

/*
 * How long an agent may take to notice that its deadline has passed, and then to leave its guest when it is stopped.
 * Both times are far longer than hardware needs: an emulator on a busy machine stops a processor now and then, and an
 * agent that is only slow must not be reported as stuck.
 */
#define NOTICE_MICROSECONDS 500000U
#define LEAVE_MICROSECONDS 3000000U

static struct mailbox boxes[PLAT_CPUS];
static struct agent agents[PLAT_CPUS];

struct agent *agent_of_cpu(unsigned int index)
{
	if (cpu_get(index) == NULL) {
		return NULL;
	}
	agents[index].box = &boxes[index];
	return &agents[index];
}

/* Acquire: whoever sees the end also sees the outcome in the mailbox, which was written before. */
static bool is_finished(const struct agent *agent)
{
	return __atomic_load_n(&agent->state, __ATOMIC_ACQUIRE) != AGENT_RUNNING;
}

/*
 * A vCPU runs on whichever CPU is free. An agent at EL2 is one CPU's own, and NULL means that this CPU runs a guest
 * now.
 */
static struct cpu *cpu_for(const struct agent *agent)
{
	struct cpu *cpu;

	if (agent->vcpu != NULL) {
		return cpu_idle();
	}
	cpu = cpu_get((unsigned int)(agent - agents));
	return __atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE) == NULL ? cpu : NULL;
}

bool agent_start(struct agent *agent, uint64_t ticks)
{
	struct cpu *cpu = cpu_for(agent);

	if (cpu == NULL) {
		return false;
	}
	agent->cpu = cpu;
	agent->stop = false;
	agent->box->deadline = counter_now() + ticks;
	/* A plain store is enough: cpu_give() publishes it, with the mailbox, by a release. */
	agent->state = AGENT_RUNNING;
	/* There is nobody else to run the program of CPU 0. The console has to wait for it. */
	if (cpu->index == 0U) {
		agent_execute(agent, cpu);
		agent_finished(agent);
	} else {
		cpu_give(cpu, agent);
	}
	return true;
}

/*
 * Empties the UART while it waits: its FIFO holds 16 bytes, and the other end may have sent the next request already.
 */
static bool wait_until(const struct agent *agent, uint64_t until)
{
	while (!is_finished(agent) && counter_now() < until) {
		console_poll();
		cpu_sleep(until);
	}
	return is_finished(agent);
}

bool agent_stop(struct agent *agent)
{
	/* In this order: the CPU looks at the flag each time it has left the guest, and the kick makes it leave. */
	__atomic_store_n(&agent->stop, true, __ATOMIC_RELEASE);
	cpu_kick(agent->cpu);
	return wait_until(agent, counter_now() + counter_ticks(LEAVE_MICROSECONDS));
}

bool agent_wait(struct agent *agent)
{
	return wait_until(agent, agent->box->deadline + counter_ticks(NOTICE_MICROSECONDS)) || agent_stop(agent);
}

void agent_execute(struct agent *agent, struct cpu *cpu)
{
	const struct interpreter_host host = {.cpu = &cpu->local, .level = 2};
	/* On CPU 0, the guard of the command that started the agent. The interpreter puts its own in its place. */
	struct guard *outer = cpu->local.guard;

	if (agent->vcpu != NULL && agent->vcpu->vm->linux_guest != NULL) {
		linux_guest_run(agent->vcpu, cpu);
	} else if (agent->vcpu != NULL) {
		vcpu_run(agent->vcpu, cpu);
	} else {
		interpreter_run(&host, agent->box);
	}
	cpu->local.guard = outer;
}

void agent_finished(struct agent *agent)
{
	__atomic_store_n(&agent->state, AGENT_FINISHED, __ATOMIC_RELEASE);
}
