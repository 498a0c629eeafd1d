/* SPDX-License-Identifier: BSD-3-Clause */

#include "linux_guest.h"

#include "cpu.h"
#include "memory.h"
#include "sysreg.h"

/* ESR_EL2.ISS of a data abort, Arm ARM D19.2.37. */
#define ABORT_SYNDROME_VALID (1ULL << 24)
#define ABORT_SIZE_SHIFT 22U
#define ABORT_REGISTER_SHIFT 16U
#define ABORT_WRITE (1ULL << 6)
#define ZERO_REGISTER 31U

/* ESR_EL2.ISS of a trapped MSR or MRS: Op0, Op2, Op1, CRn, CRm and direction; Rt from bit 5 on. */
#define REGISTER_MASK 0x3FFC1FU
#define REGISTER_SHIFT 5U
#define WRITE_ICC_SGI1R_EL1 (3U << 20 | 5U << 17 | 0U << 14 | 12U << 10 | 11U << 1)

#define ESR_IL (1ULL << 25) /* a trapped instruction of 32 bits */
#define EC_CURRENT_LEVEL 1U /* what makes an abort at a lower level one at the current level */

/* From EL0 the vectors of EL1 are this much further. Arm ARM D1.4.3. */
#define VECTOR_FROM_EL0 0x200U
#define PSTATE_MODE_MASK 0xFU

#define VMPIDR_RES1 (1ULL << 31)

/* Arm DEN0022, besides those in vcpu.h. */
#define PSCI_MIGRATE_INFO_TYPE 0x84000006U
#define PSCI_MIGRATE_NOT_NEEDED 2U
#define PSCI_SYSTEM_OFF 0x84000008U
#define PSCI_SYSTEM_RESET 0x84000009U
#define PSCI_FEATURES 0x8400000AU

/* Arm DDI 0183: registers of a PL011, of which an early console needs these. */
#define UART_DATA 0x00U
#define UART_BYTES 0x1000U

struct access {
	uint64_t ipa;
	bool write;
	uint64_t value; /* of a write; and what a read finds */
};

static struct linux_guest the_guest;

static void wake_cpu0(void)
{
	cpu_kick(cpu_get(0));
}

static bool told_to_stop(const struct linux_guest *guest)
{
	return __atomic_load_n(&guest->vm->vcpu[0].agent.stop, __ATOMIC_ACQUIRE);
}

static void *console_memory(void *context, uint64_t address, uint64_t bytes)
{
	const struct linux_guest *guest = context;

	return linux_memory(guest->vm, address, bytes);
}

/* While there is no room the guest stands still. */
static void console_say(void *context, const void *bytes, uint32_t length)
{
	struct linux_guest *guest = context;
	const uint8_t *from = bytes;

	for (;;) {
		size_t moved = ring_put(&guest->said, from, length);

		from += moved;
		length -= (uint32_t)moved;
		wake_cpu0();
		if (length == 0U || told_to_stop(guest)) {
			return;
		}
		dsb_sy();
		__asm__ volatile("wfi" ::: "memory");
		vgic_take_interrupt(&guest->vgic);
	}
}

static void console_interrupt(void *context, bool level)
{
	struct linux_guest *guest = context;

	if (level) {
		vgic_raise(&guest->vgic, LINUX_CONSOLE_INTERRUPT);
	}
}

static void log_text(struct linux_guest *guest, const char *text)
{
	for (; *text != '\0'; text++) {
		ring_put(&guest->log, text, 1);
	}
	wake_cpu0();
}

static void console_broken(void *context, const char *how)
{
	struct linux_guest *guest = context;

	log_text(guest, "monitor: the guest's console was given ");
	log_text(guest, how);
	log_text(guest, "\n");
}

static const struct virtio_host console_host = {
	.memory = console_memory,
	.say = console_say,
	.interrupt = console_interrupt,
	.broken = console_broken,
};

static void pass_input_on(struct linux_guest *guest)
{
	while (!ring_is_empty(&guest->typed) && virtio_console_wants_input(&guest->console)) {
		struct virtio_room room = virtio_console_room(&guest->console);

		if (room.memory != NULL) {
			size_t length = ring_take(&guest->typed, room.memory, room.length);

			virtio_console_filled(&guest->console, &room, (uint32_t)length);
			wake_cpu0();
		}
	}
}

static void early_console(struct linux_guest *guest, uint64_t offset, struct access *access)
{
	if (access->write && offset == UART_DATA) {
		ring_put(&guest->log, &access->value, 1);
		wake_cpu0();
	}
}

/* False: nothing is there. Devices do not care how wide an access is; reads find zero where they have nothing to say.
 */
static bool reach_device(struct linux_guest *guest, struct access *access)
{
	uint64_t ipa = access->ipa;
	uint32_t value = (uint32_t)access->value;

	if (ipa - LINUX_GIC_DISTRIBUTOR < VGIC_DISTRIBUTOR_BYTES) {
		if (access->write) {
			vgic_write_distributor(&guest->vgic, ipa - LINUX_GIC_DISTRIBUTOR, value);
		} else {
			access->value = vgic_read_distributor(&guest->vgic, ipa - LINUX_GIC_DISTRIBUTOR);
		}
	} else if (ipa - LINUX_GIC_REDISTRIBUTOR < VGIC_REDISTRIBUTOR_BYTES) {
		if (access->write) {
			vgic_write_redistributor(&guest->vgic, ipa - LINUX_GIC_REDISTRIBUTOR, value);
		} else {
			access->value = vgic_read_redistributor(&guest->vgic, ipa - LINUX_GIC_REDISTRIBUTOR);
		}
	} else if (ipa - LINUX_CONSOLE < VIRTIO_CONSOLE_BYTES) {
		if (access->write) {
			virtio_console_write(&guest->console, ipa - LINUX_CONSOLE, value);
		} else {
			access->value = virtio_console_read(&guest->console, ipa - LINUX_CONSOLE);
		}
	} else if (ipa - LINUX_EARLY_CONSOLE < UART_BYTES) {
		early_console(guest, ipa - LINUX_EARLY_CONSOLE, access);
	} else {
		return false;
	}
	return true;
}

static void refuse(struct vcpu *vcpu, uint64_t esr)
{
	bool from_el0 = (vcpu->pstate & PSTATE_MODE_MASK) == 0U;

	vcpu_take_exception(vcpu, VECTOR_SYNCHRONOUS + (from_el0 ? VECTOR_FROM_EL0 : 0U), esr);
}

/* An abort that EL2 has taken, as it looks at EL1. */
static void refuse_access(struct vcpu *vcpu, uint64_t esr)
{
	bool from_el0 = (vcpu->pstate & PSTATE_MODE_MASK) == 0U;

	refuse(vcpu, from_el0 ? esr : esr | (uint64_t)EC_CURRENT_LEVEL << ESR_EC_SHIFT);
}

static void access_device(struct linux_guest *guest, struct vcpu *vcpu, uint64_t esr)
{
	unsigned int number = (esr >> ABORT_REGISTER_SHIFT) & 0x1FU;
	unsigned int bits = 8U << ((esr >> ABORT_SIZE_SHIFT) & 0x3U);
	uint64_t mask = UINT64_MAX >> (64U - bits);
	struct access access = {
		.ipa = (READ_SYSREG(hpfar_el2) & HPFAR_FIPA_MASK) << HPFAR_FIPA_SHIFT |
		       (READ_SYSREG(far_el2) & (PAGE_BYTES - 1U)),
		.write = (esr & ABORT_WRITE) != 0U,
	};

	if (access.write && number != ZERO_REGISTER) {
		access.value = vcpu->x[number] & mask;
	}
	if ((esr & ABORT_SYNDROME_VALID) == 0U || !reach_device(guest, &access)) {
		refuse_access(vcpu, esr);
		return;
	}
	if (!access.write && number != ZERO_REGISTER) {
		vcpu->x[number] = access.value & mask;
	}
	vcpu->pc += sizeof(uint32_t);
}

static void access_register(struct linux_guest *guest, struct vcpu *vcpu, uint64_t esr)
{
	unsigned int number = (esr >> REGISTER_SHIFT) & 0x1FU;

	if ((esr & REGISTER_MASK) != WRITE_ICC_SGI1R_EL1) {
		refuse(vcpu, ESR_IL);
		return;
	}
	vgic_send_sgi(&guest->vgic, number == ZERO_REGISTER ? 0U : vcpu->x[number]);
	vcpu->pc += sizeof(uint32_t);
}

/* PSCI by HVC: the guest's power is its own, not the board's. */
static uint64_t call(struct linux_guest *guest, uint64_t function, uint64_t argument)
{
	switch ((uint32_t)function) {
	case PSCI_VERSION:
		return PSCI_VERSION_1_1;
	case PSCI_MIGRATE_INFO_TYPE:
		return PSCI_MIGRATE_NOT_NEEDED;
	case PSCI_FEATURES:
		switch ((uint32_t)argument) {
		case PSCI_VERSION:
		case PSCI_MIGRATE_INFO_TYPE:
		case PSCI_SYSTEM_OFF:
		case PSCI_SYSTEM_RESET:
		case PSCI_FEATURES:
			return 0;
		default:
			return NOT_SUPPORTED;
		}
	case PSCI_SYSTEM_OFF:
		guest->state = LINUX_OFF;
		return 0;
	case PSCI_SYSTEM_RESET:
		guest->state = LINUX_RESTARTED;
		return 0;
	default:
		return NOT_SUPPORTED;
	}
}

static void synchronous(struct linux_guest *guest, struct vcpu *vcpu)
{
	uint64_t esr = READ_SYSREG(esr_el2);
	uint64_t class = esr >> ESR_EC_SHIFT;

	vm_count_trap(vcpu->vm, class);
	switch (class) {
	case EC_HVC:
		vcpu->x[0] = call(guest, vcpu->x[0], vcpu->x[1]);
		break;
	case EC_SMC: /* only with HCR_EL2.TSC */
		vcpu->x[0] = NOT_SUPPORTED;
		vcpu->pc += sizeof(uint32_t);
		break;
	case EC_SYSTEM_REGISTER:
		access_register(guest, vcpu, esr);
		break;
	case EC_DATA_ABORT_LOWER:
		access_device(guest, vcpu, esr);
		break;
	case EC_INSTRUCTION_ABORT_LOWER:
		refuse_access(vcpu, esr);
		break;
	default:
		refuse(vcpu, ESR_IL);
		break;
	}
}

static void serve(struct linux_guest *guest, struct vcpu *vcpu)
{
	while (guest->state == LINUX_RUNNING) {
		vgic_deliver(&guest->vgic);
		switch (vcpu_enter(vcpu)) {
		case EXIT_SYNCHRONOUS:
			synchronous(guest, vcpu);
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
		pass_input_on(guest);
		if (told_to_stop(guest)) {
			guest->state = LINUX_STOPPED;
		}
	}
}

void linux_guest_run(struct vcpu *vcpu, struct cpu *cpu)
{
	struct linux_guest *guest = vcpu->vm->linux_guest;

	cpu->local.guard = NULL;
	cpu->local.vcpu = vcpu;
	vcpu_load(vcpu);
	WRITE_SYSREG(vmpidr_el2, VMPIDR_RES1);
	vgic_start(&guest->vgic, cpu->index);
	vm_enter(vcpu->vm);
	serve(guest, vcpu);
	vm_leave();
	vgic_stop(&guest->vgic);
	WRITE_SYSREG(vmpidr_el2, READ_SYSREG(mpidr_el1));
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
	the_guest.console = (struct virtio_console){.host = &console_host, .context = &the_guest};
	vm->linux_guest = &the_guest;
	agent->cpu = cpu;
	agent->stop = false;
	agent->state = AGENT_RUNNING;
	cpu_give(cpu, agent);
	return LINUX_OK;
}

void linux_guest_nudge(const struct linux_guest *guest)
{
	cpu_kick(guest->vm->vcpu[0].agent.cpu);
}

void linux_guest_forget(struct vm *vm)
{
	if (vm->linux_guest != NULL) {
		vm->linux_guest->vm = NULL;
	}
}
