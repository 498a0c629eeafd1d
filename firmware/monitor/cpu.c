/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPUs: PSCI brings them up, CPU 0 gives them jobs, and they sleep in between.
 *
 * IRQ stays masked in PSTATE at EL2, so an interrupt does no more than end a WFI or a guest's turn on the CPU; whoever
 * wakes up asks the GIC what is pending. Hence no code of the monitor is ever interrupted, and nothing needs a lock
 * against a handler. Only a program that measures or tests interrupts unmasks them, for as long as it takes.
 */
#include "cpu.h"

#include "agent.h"
#include "cache.h"
#include "gic.h"
#include "mmu.h"
#include "sysreg.h"

#define SGI_WAKE 0U
#define INTID_HYPERVISOR_TIMER 26U       /* the EL2 physical timer CNTHP: Arm BSA (DEN0094), PPI assignments */
#define TIMER_ENABLE 1U                  /* Arm ARM, CNTHP_CTL_EL2 */
#define TIMER_CONDITION 4U               /* ISTATUS of the same: the timer's time has come */
#define MPIDR_AFFINITIES 0xFF00FFFFFFULL /* Arm ARM, MPIDR_EL1: Aff3 in bits 39:32, Aff2 to Aff0 in 23:0 */

/* PSCI (Arm DEN0022F.b, 5.1): CPU_OFF; CPU_ON (target CPU, entry point, context) and AFFINITY_INFO in SMC64 forms. */
#define PSCI_CPU_OFF 0x84000002U
#define PSCI_CPU_ON 0xC4000003U
#define PSCI_AFFINITY_INFO 0xC4000004U
#define AFFINITY_OFF 1U             /* AFFINITY_INFO, 5.1.5: neither on nor on its way */
#define CPU_ON_MICROSECONDS 100000U /* a CPU that does not come up must not keep the others from starting */
#define CPU_OFF_MICROSECONDS 1000000U

void cpu_entry(void);
void cpu_main(struct cpu *cpu);
void conduit_smc(uint64_t registers[31]);

static struct cpu cpus[PLAT_CPUS];
static uint8_t stacks[PLAT_CPUS][CPU_STACK_BYTES] __attribute__((aligned(16)));

/*
 * Takes one interrupt at a time: a level-sensitive one would stay pending, and be taken again and again, until its
 * source has been served. For the timer that is done here; the UART is served by whoever polls the console.
 */
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

/*
 * Called from vectors.S with the counter as it was when the interrupt had been taken to EL2. Programs of EL2 run with
 * interrupts masked, unless they change that; then they find the longest time that the timer's interrupt had to wait in
 * TPIDR_EL0, and say in TPIDRRO_EL0 after how many ticks the next one is to come (0: none).
 */
void cpu_interrupted(uint64_t now)
{
	uint64_t period = READ_SYSREG(tpidrro_el0);

	if ((READ_SYSREG(cnthp_ctl_el2) & TIMER_CONDITION) != 0U) {
		uint64_t late = now - READ_SYSREG(cnthp_cval_el2);

		if (late > READ_SYSREG(tpidr_el0)) {
			WRITE_SYSREG(tpidr_el0, late);
		}
	}
	cpu_take_interrupt();
	if (period != 0U) {
		WRITE_SYSREG(cnthp_cval_el2, counter_now() + period);
		WRITE_SYSREG(cnthp_ctl_el2, TIMER_ENABLE);
		isb();
	}
}

/*
 * No wake-up is lost between a look at some condition and this WFI: since IRQ is masked, an interrupt that came in
 * between is still pending, and WFI returns at once (Arm ARM, "Wait for Interrupt"). The DSB makes this CPU's stores
 * visible to the others before it sleeps.
 */
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
	WRITE_SYSREG(cnthp_ctl_el2, 0U); /* else it would end a later sleep, or a guest's turn */
	isb();
}

/* What every CPU does for itself. `online` is set last, and by a release: from then on others kick it by `target`. */
static void start_this(struct cpu *cpu)
{
	mmu_enable();
	WRITE_SYSREG(tpidr_el2, (uintptr_t)&cpu->local);
	cpu->target = gic_start_cpu(cpu->index);
	gic_enable_private(cpu->index, INTID_HYPERVISOR_TIMER);
	__asm__ volatile("msr daifclr, #4"); /* unmasks SError: it is reported against the program that caused it */
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
}

/* Only comes back if the firmware refuses, which leaves this CPU as it was. */
static void leave(struct cpu *cpu)
{
	uint64_t registers[31] = {PSCI_CPU_OFF};

	__atomic_store_n(&cpu->online, false, __ATOMIC_RELEASE);
	conduit_smc(registers);
	cpu->refusal = registers[0];
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	__atomic_store_n(&cpu->leaving, false, __ATOMIC_RELEASE);
}

/* Entered with the MMU off, by cpu_entry. */
void cpu_main(struct cpu *cpu)
{
	start_this(cpu);
	for (;;) {
		struct agent *job = __atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&cpu->leaving, __ATOMIC_ACQUIRE)) {
			leave(cpu);
		}
		if (job == NULL) {
			wait_for_interrupt();
			continue;
		}
		agent_execute(job, cpu);
		/* The job first: once CPU 0 sees that the agent has finished, it may give this CPU the next one. */
		__atomic_store_n(&cpu->job, NULL, __ATOMIC_RELEASE);
		agent_finished(job);
		cpu_kick(&cpus[0]);
	}
}

/*
 * The new CPU reads its stack pointer and uses its stack with its MMU and caches off: what was written for it must be
 * in memory, and what it wrote to its stack in an earlier life must not come out of a cache later.
 */
uint64_t cpu_turn_on(struct cpu *cpu)
{
	uint64_t registers[31] = {PSCI_CPU_ON, cpu->mpidr, (uintptr_t)cpu_entry, (uintptr_t)cpu};
	uint64_t end = counter_now() + counter_ticks(CPU_ON_MICROSECONDS);

	cpu->leaving = false;
	cache_flush(cpu, sizeof(*cpu));
	cache_flush(stacks[cpu->index], CPU_STACK_BYTES);
	conduit_smc(registers);
	while (registers[0] == PSCI_SUCCESS && !__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE) &&
	       counter_now() < end) {
	}
	return registers[0];
}

static uint64_t affinity_info(const struct cpu *cpu)
{
	uint64_t registers[31] = {PSCI_AFFINITY_INFO, cpu->mpidr};

	conduit_smc(registers);
	return registers[0];
}

/* CPU_OFF does not return, so it has happened when the firmware says so, which is asked from here. */
uint64_t cpu_turn_off(struct cpu *cpu)
{
	uint64_t end = counter_now() + counter_ticks(CPU_OFF_MICROSECONDS);
	uint64_t state;

	__atomic_store_n(&cpu->leaving, true, __ATOMIC_RELEASE);
	cpu_kick(cpu);
	do {
		if (!__atomic_load_n(&cpu->leaving, __ATOMIC_ACQUIRE)) {
			return cpu->refusal;
		}
		state = affinity_info(cpu);
	} while (state != AFFINITY_OFF && counter_now() < end);
	return state == AFFINITY_OFF ? PSCI_SUCCESS : state;
}

/*
 * CPU 0 is the one that the board booted on, wherever that one stands in the platform's list; the others keep their
 * order. A platform may list one CPU too few (a Juno that boots on a large core): the last one is then left out.
 */
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
	gic_enable_shared(PLAT_UART_INTID, cpus[0].target); /* which runs the shell */
	for (unsigned int i = 1; i < PLAT_CPUS; i++) {
		(void)cpu_turn_on(&cpus[i]);
	}
}

struct cpu *cpu_get(unsigned int index)
{
	return index < PLAT_CPUS && __atomic_load_n(&cpus[index].online, __ATOMIC_ACQUIRE) ? &cpus[index] : NULL;
}

struct cpu *cpu_offline(unsigned int index)
{
	return index < PLAT_CPUS && cpu_get(index) == NULL ? &cpus[index] : NULL;
}

struct cpu *cpu_idle(void)
{
	/* Not CPU 0: while it ran a guest, nobody would read the console. */
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
