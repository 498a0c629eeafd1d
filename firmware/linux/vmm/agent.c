/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our agents under KVM: a thread per processor, which runs the vCPU while its agent has a program, and sleeps
 * otherwise. The counterpart in the monitor is monitor/vcpu.c; agents cannot tell which of the two runs them.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "failure.h"
#include "smccc_filter.h"
#include "sysreg.h"
#include "vcpu.h"
#include "vtpm.h"
#include "vtpm_abi.h"

#define KICK SIGUSR1 /* its handler does nothing: a signal ends KVM_RUN */
#define GRACE_MS 250 /* what an agent may take beyond its deadline to notice it */

/* System registers by their encoding (Arm ARM D19); CPACR_EL1.FPEN: no trap of floating point. */
#define CPACR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 2)
#define ESR_EL1 ARM64_SYS_REG(3, 0, 5, 2, 0)
#define FAR_EL1 ARM64_SYS_REG(3, 0, 6, 0, 0)
#define CPACR_FP_FREE (3u << 20)

struct agent {
	struct vcpu vcpu;
	unsigned int number;
	struct mailbox *box;
	int go;                  /* event: there is a program */
	int finished;            /* event: it has ended */
	struct timespec noticed; /* when it must have noticed its deadline */
	pthread_t thread;
	atomic_bool stop;
	bool afresh; /* it must start from the image the next time */
};

static struct agent agents[GUEST_MAX_VCPUS];
static struct vm *machine;
static uint8_t image[GUEST_IMAGE_BYTES];

static struct ipa block_ipa(unsigned int number)
{
	return ipa_make(GUEST_RAM_IPA + GUEST_IMAGE_BYTES + number * GUEST_BLOCK_BYTES);
}

/*
 * The image is copied anew, since the program may have overwritten it; and flushed, since agents start with caches off.
 */
static void reset(struct agent *agent)
{
	memcpy(machine->ram, image, sizeof(image));
	cache_flush(machine->ram, sizeof(image));
	cache_flush(agent->box, GUEST_BLOCK_BYTES);
	vcpu_reset(&agent->vcpu);
	vcpu_set(&agent->vcpu, CPACR_EL1, CPACR_FP_FREE);
	vcpu_set(&agent->vcpu, VCPU_CORE(pc), GUEST_RAM_IPA);
	vcpu_set(&agent->vcpu, VCPU_CORE(regs[0]), block_ipa(agent->number).value);
	vcpu_set(&agent->vcpu, VCPU_CORE(regs[1]), agent->number);
	vcpu_set(&agent->vcpu, VCPU_CORE(regs[2]), machine->ram_bytes);
	agent->afresh = false;
}

/* For an access to an address where nothing is: the agent sees an abort that EL2 has taken, as under the monitor. */
static void abort_access(const struct agent *agent, struct ipa ipa)
{
	struct kvm_vcpu_events events = {.exception.ext_dabt_pending = 1};

	agent->box->taken_at_el2 = 1;
	agent->box->taken_ipa = ipa.value & ~(uint64_t)(PAGE_BYTES - 1);
	must(ioctl(agent->vcpu.fd, KVM_SET_VCPU_EVENTS, &events), "aborting an access");
}

/*
 * Returns true when the agent has finished its program, which it says by HVC. Any other call that KVM forwards is a
 * doorbell.
 */
static bool hypercall(const struct agent *agent)
{
	const struct kvm_run *run = agent->vcpu.run;

	if (run->hypercall.nr != GUEST_HVC_DONE) {
		vcpu_set(&agent->vcpu, VCPU_CORE(regs[0]), (uint64_t)vtpm_doorbell((uint32_t)run->hypercall.nr));
		return false;
	}
	if ((run->hypercall.longmode & KVM_HYPERCALL_EXIT_SMC) == 0)
		return true;
	vcpu_set(&agent->vcpu, VCPU_CORE(regs[0]), (uint64_t)VTPM_E_NOT_SUPPORTED);
	return false;
}

/* Handles an exit of KVM_RUN. Returns true when the agent has finished its program. */
static bool leave(const struct agent *agent)
{
	const struct kvm_run *run = agent->vcpu.run;

	switch (run->exit_reason) {
	case KVM_EXIT_HYPERCALL:
		return hypercall(agent);
	case KVM_EXIT_MMIO:
		abort_access(agent, ipa_make(run->mmio.phys_addr));
		return false;
	case KVM_EXIT_ARM_NISV:
		abort_access(agent, ipa_make(run->arm_nisv.fault_ipa));
		return false;
	case KVM_EXIT_SYSTEM_EVENT:
		exit(EXIT_SUCCESS); /* by PSCI: the VM has switched itself off, or asks for a restart */
	default:
		refuse("KVM stopped an agent for reason %u", run->exit_reason);
	}
}

/* Returns false when the agent was told to stop. */
static bool run(struct agent *agent)
{
	while (!atomic_load(&agent->stop)) {
		if (ioctl(agent->vcpu.fd, KVM_RUN, 0) == 0) {
			if (leave(agent))
				return true;
		} else if (errno == EFAULT) {
			abort_access(agent, ipa_make(0)); /* a queue whose instance is gone; KVM does not say where */
		} else if (errno != EINTR && errno != EAGAIN) {
			fail("running an agent");
		}
	}
	return false;
}

static void record_stop(const struct agent *agent)
{
	agent->box->ended = AGENT_STOPPED;
	agent->box->fault.class = 0;
	agent->box->fault.esr = vcpu_get(&agent->vcpu, ESR_EL1);
	agent->box->fault.elr = vcpu_get(&agent->vcpu, VCPU_CORE(pc));
	agent->box->fault.far = vcpu_get(&agent->vcpu, FAR_EL1);
	agent->box->fault.el = 1;
}

static _Noreturn void *live(void *argument)
{
	struct agent *agent = argument;
	eventfd_t event;

	for (;;) {
		must(eventfd_read(agent->go, &event), "waiting for a program");
		if (agent->afresh)
			reset(agent);
		if (!run(agent)) {
			record_stop(agent);
			agent->afresh = true;
		}
		must(eventfd_write(agent->finished, 1), "saying that a program has finished");
	}
}

static void on_kick(int number)
{
	(void)number;
}

static void load_image(const char *path)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);

	must((int)read(fd, image, sizeof(image)), path);
	close(fd);
}

static void create(unsigned int number)
{
	struct agent *agent = &agents[number];

	agent->number = number;
	agent->afresh = true;
	agent->box = vm_memory(machine, block_ipa(number), GUEST_BLOCK_BYTES);
	agent->go = must(eventfd(0, EFD_CLOEXEC), "creating an event");
	agent->finished = must(eventfd(0, EFD_CLOEXEC), "creating an event");
	vcpu_create(&agent->vcpu, machine, number, true);
	errno = pthread_create(&agent->thread, NULL, live, agent);
	if (errno != 0)
		fail("starting a processor");
}

void agents_create(struct vm *vm, const char *path)
{
	const struct sigaction kicked = {.sa_handler = on_kick};
	struct kvm_enable_cap unknown_accesses = {.cap = KVM_CAP_ARM_NISV_TO_USER};

	_Static_assert(GUEST_RAM_IPA == RAM_ADDRESS, "the image runs where it is linked");
	machine = vm;
	load_image(path);
	must(sigaction(KICK, &kicked, NULL), "preparing to stop agents");
	must(ioctl(vm->fd, KVM_ENABLE_CAP, &unknown_accesses), "asking for accesses that KVM does not understand");
	vm_forward_calls(vm, GUEST_HVC_DONE, 1);
	for (unsigned int i = 0; i < vm->cpus; i++)
		create(i);
}

struct mailbox *agent_box(unsigned int number)
{
	return agents[number].box;
}

/*
 * Deadlines of agents are in CNTPCT_EL0, which Linux keeps from programs. On a host that is not a guest itself its
 * CNTVCT_EL0 is the same.
 */
void agent_start(unsigned int number, uint64_t microseconds)
{
	struct agent *agent = &agents[number];
	uint64_t milliseconds = microseconds / 1000 + GRACE_MS;

	must(clock_gettime(CLOCK_MONOTONIC, &agent->noticed), "reading the clock");
	agent->noticed.tv_sec += (time_t)(milliseconds / 1000);
	agent->noticed.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	agent->box->deadline = READ_SYSREG(cntvct_el0) + counter_ticks(microseconds);
	atomic_store(&agent->stop, false);
	agent->vcpu.run->immediate_exit = 0;
	must(eventfd_write(agent->go, 1), "starting an agent");
}

int agent_finished(unsigned int number)
{
	return agents[number].finished;
}

int agent_timeout_ms(unsigned int number)
{
	const struct timespec *end = &agents[number].noticed;
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now), "reading the clock");

	int64_t left = (int64_t)(end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void agent_stop(unsigned int number)
{
	struct agent *agent = &agents[number];

	/* The flag first. immediate_exit covers a signal that comes just before KVM_RUN (Linux, kvm/api.rst). */
	atomic_store(&agent->stop, true);
	agent->vcpu.run->immediate_exit = 1;
	errno = pthread_kill(agent->thread, KICK);
	if (errno != 0)
		fail("stopping an agent");
}
