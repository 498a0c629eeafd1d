/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a guest with an operating system: how it starts, the loop that runs it, and how it ends. Unlike an agent,
 * which has a CPU for one program, such a guest keeps its CPU from start to end.
 */
#include "linux_guest.h"

#include "cpu.h"
#include "memory.h"
#include "sysreg.h"

#define VMPIDR_FIRST_CPU (1ULL << 31) /* Arm ARM, VMPIDR_EL2: bit 31 is RES1; affinity 0, as in the guest's MADT */

static struct linux_guest the_guest; /* its rings are large, so there is one */

bool linux_told_to_stop(const struct linux_guest *guest)
{
	return __atomic_load_n(&guest->vm->vcpu[0].agent.stop, __ATOMIC_ACQUIRE);
}

/*
 * Runs the guest until it ends. No `stop` is missed: CPU 0 sets it, then kicks this CPU. If it was set before the check
 * it is seen there; if it is set later, the kick is still pending when the guest is entered, and takes it out at once.
 */
static void serve(struct linux_guest *guest, struct vcpu *vcpu)
{
	while (guest->state == LINUX_RUNNING) {
		if (linux_told_to_stop(guest)) {
			guest->state = LINUX_STOPPED;
			return;
		}
		vgic_deliver(&guest->vgic);
		switch (vcpu_enter(vcpu)) {
		case EXIT_SYNCHRONOUS:
			linux_trap(guest, vcpu);
			break;
		case EXIT_SERROR:
			vcpu->vm->traps++;
			vcpu_take_exception(vcpu, VECTOR_SERROR, READ_SYSREG(esr_el2));
			break;
		default:
			vcpu->vm->interrupts++;
			vgic_take_interrupt(&guest->vgic);
			break;
		}
		linux_console_input(guest);
	}
}

void linux_guest_run(struct vcpu *vcpu, struct cpu *cpu)
{
	struct linux_guest *guest = vcpu->vm->linux_guest;

	/* The guest chooses no address that EL2 touches unchecked, so a fault in here is a defect of the monitor. */
	cpu->local.guard = NULL;
	cpu->local.vcpu = vcpu;
	vcpu_load(vcpu);
	WRITE_SYSREG(vmpidr_el2, VMPIDR_FIRST_CPU);
	vgic_start(&guest->vgic, cpu->index);
	vm_enter(vcpu->vm);
	serve(guest, vcpu);
	vm_leave();
	vgic_stop(&guest->vgic);
	WRITE_SYSREG(vmpidr_el2, READ_SYSREG(mpidr_el1)); /* agents see the CPU that they run on */
	cpu->local.vcpu = NULL;
}

enum linux_status linux_guest_start(struct vm *vm, const struct linux_images *images)
{
	struct agent *agent = &vm->vcpu[0].agent;
	struct cpu *cpu = cpu_idle();
	enum linux_status status;

	if (vm->vcpus != 1U || !vgic_possible()) {
		return LINUX_IMPOSSIBLE;
	}
	if (the_guest.vm != NULL || agent->state != AGENT_IDLE || cpu == NULL) {
		return LINUX_BUSY;
	}
	status = linux_boot(vm, images);
	if (status != LINUX_OK) {
		return status;
	}
	memset(&the_guest, 0, sizeof(the_guest));
	the_guest.vm = vm;
	linux_console_start(&the_guest);
	vm->linux_guest = &the_guest;
	agent->cpu = cpu;
	agent->stop = false;
	agent->state = AGENT_RUNNING;
	cpu_give(cpu, agent);
	return LINUX_OK;
}

void linux_guest_kick(const struct linux_guest *guest)
{
	cpu_kick(guest->vm->vcpu[0].agent.cpu);
}

void linux_guest_forget(struct vm *vm)
{
	if (vm->linux_guest != NULL) {
		vm->linux_guest->vm = NULL;
	}
}
