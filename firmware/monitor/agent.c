/* SPDX-License-Identifier: BSD-3-Clause */

#include "agent.h"

#include "console.h"
#include "cpu.h"
#include "interpreter.h"
#include "linux_guest.h"
#include "sysreg.h"
#include "vm.h"

/*
 * After its deadline an agent may take so long to notice, and so long to leave its guest when it does not: an emulator
 * on a busy machine has no time for a processor now and then.
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

static bool is_finished(const struct agent *agent)
{
	return __atomic_load_n(&agent->state, __ATOMIC_ACQUIRE) != AGENT_RUNNING;
}

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
	agent->state = AGENT_RUNNING;
	if (cpu->index == 0U) {
		agent_execute(agent, cpu);
		agent_finished(agent);
	} else {
		cpu_give(cpu, agent);
	}
	return true;
}

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
