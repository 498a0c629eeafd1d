/* SPDX-License-Identifier: BSD-3-Clause */

#include "cpu.h"

#include "agent.h"
#include "cache.h"
#include "gic.h"
#include "mmu.h"
#include "sysreg.h"

#define SGI_WAKE 0U
#define INTID_HYPERVISOR_TIMER 26U /* CNTHP, Arm BSA */
#define TIMER_ENABLE 1U
#define MPIDR_AFFINITIES 0xFF00FFFFFFULL

/* PSCI (Arm DEN0022), SMC64 CPU_ON: target, entry point, context. */
#define PSCI_CPU_ON 0xC4000003U
#define CPU_ON_MICROSECONDS 100000U

void cpu_entry(void);
void cpu_main(struct cpu *cpu);
void conduit_smc(uint64_t registers[31]);

static struct cpu cpus[PLAT_CPUS];
static uint8_t stacks[PLAT_CPUS][CPU_STACK_BYTES] __attribute__((aligned(16)));

/* One at a time: a level-triggered one stays pending until its source has been served. */
void cpu_take_interrupt(void)
{
	uint32_t taken;

	if (gic_acknowledge(&taken)) {
		if ((taken & GIC_INTID_MASK) == INTID_HYPERVISOR_TIMER) {
			WRITE_SYSREG(cnthp_ctl_el2, 0U);
			isb();
		}
		gic_end(taken);
	}
}

/* IRQ is masked in PSTATE, so WFI ends for an interrupt that came before it, too. */
static void wait_for_interrupt(void)
{
	dsb_sy();
	__asm__ volatile("wfi" ::: "memory");
	cpu_take_interrupt();
}

void cpu_sleep(uint64_t until)
{
	if (until != CPU_SLEEP_FOREVER) {
		WRITE_SYSREG(cnthp_cval_el2, until);
		WRITE_SYSREG(cnthp_ctl_el2, TIMER_ENABLE);
		isb();
	}
	wait_for_interrupt();
	WRITE_SYSREG(cnthp_ctl_el2, 0U);
	isb();
}

static void start_this(struct cpu *cpu)
{
	mmu_enable();
	WRITE_SYSREG(tpidr_el2, (uintptr_t)&cpu->local);
	cpu->target = gic_start_cpu(cpu->index);
	gic_enable_private(cpu->index, INTID_HYPERVISOR_TIMER);
	__asm__ volatile("msr daifclr, #4"); /* SError: taken where it happens */
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
}

/* Entered with the MMU off, by cpu_entry. */
void cpu_main(struct cpu *cpu)
{
	start_this(cpu);
	for (;;) {
		struct agent *job = __atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE);

		if (job == NULL) {
			wait_for_interrupt();
			continue;
		}
		agent_execute(job, cpu);
		__atomic_store_n(&cpu->job, NULL, __ATOMIC_RELEASE);
		agent_finished(job);
		cpu_kick(&cpus[0]);
	}
}

static void turn_on(struct cpu *cpu)
{
	uint64_t registers[31] = {PSCI_CPU_ON, cpu->mpidr, (uintptr_t)cpu_entry, (uintptr_t)cpu};
	uint64_t end = counter_now() + counter_ticks(CPU_ON_MICROSECONDS);

	cache_flush(cpu, sizeof(*cpu));
	conduit_smc(registers);
	while (registers[0] == 0U && !__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE) && counter_now() < end) {
	}
}

/* The CPU that the board booted on, whichever it is, is number 0. */
static void number_cpus(void)
{
	unsigned int next = 1;

	cpus[0].mpidr = READ_SYSREG(mpidr_el1) & MPIDR_AFFINITIES;
	for (unsigned int i = 0; i < PLAT_CPUS; i++) {
		cpus[i].index = i;
		cpus[i].stack_top = (uintptr_t)&stacks[i][CPU_STACK_BYTES];
		if (PLAT_CPU_MPIDR(i) != cpus[0].mpidr && next < PLAT_CPUS) {
			cpus[next++].mpidr = PLAT_CPU_MPIDR(i);
		}
	}
}

void cpu_start_all(void)
{
	number_cpus();
	gic_start();
	start_this(&cpus[0]);
	gic_enable_shared(PLAT_UART_INTID, cpus[0].target);
	for (unsigned int i = 1; i < PLAT_CPUS; i++) {
		turn_on(&cpus[i]);
	}
}

struct cpu *cpu_get(unsigned int index)
{
	return index < PLAT_CPUS && __atomic_load_n(&cpus[index].online, __ATOMIC_ACQUIRE) ? &cpus[index] : NULL;
}

struct cpu *cpu_idle(void)
{
	for (unsigned int i = 1; i < PLAT_CPUS; i++) {
		struct cpu *cpu = cpu_get(i);

		if (cpu != NULL && __atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE) == NULL) {
			return cpu;
		}
	}
	return NULL;
}

void cpu_give(struct cpu *cpu, struct agent *job)
{
	__atomic_store_n(&cpu->job, job, __ATOMIC_RELEASE);
	cpu_kick(cpu);
}

void cpu_kick(const struct cpu *cpu)
{
	gic_send_sgi(SGI_WAKE, cpu->target);
}
