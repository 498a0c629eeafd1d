/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What EL2 does for a guest with an operating system when it traps: accesses to emulated devices, software-generated
 * interrupts by system register, and PSCI.
 */
#include "guest_map.h"
#include "linux_guest.h"
#include "sysreg.h"

/* PL011 (Arm DDI 0183): UARTDR, the one register that output needs. */
#define UART_DATA 0x00U
#define UART_BYTES 0x1000U

/* Arm ARM, ESR_EL2, "ISS encoding for an exception from a Data Abort": ISV, SAS, SRT, WnR, DFSC. */
#define ABORT_SYNDROME_VALID (1ULL << 24)
#define ABORT_SIZE_SHIFT 22U
#define ABORT_REGISTER_SHIFT 16U
#define ABORT_WRITE (1ULL << 6)
#define ABORT_EXTERNAL 0x10U /* synchronous external abort, not on a translation table walk */
#define ZERO_REGISTER 31U

/*
 * Arm ARM, ESR_EL2, "ISS encoding for an exception from MSR, MRS, or System instruction execution in AArch64 state":
 * Op0, Op2, Op1, CRn, CRm and the direction name the register, Rt stands from bit 5 on.
 */
#define REGISTER_MASK 0x3FFC1FU
#define REGISTER_SHIFT 5U
#define WRITE_ICC_SGI1R_EL1 (3U << 20 | 5U << 17 | 0U << 14 | 12U << 10 | 11U << 1)

#define ESR_IL (1ULL << 25) /* an instruction of 32 bits */
#define EC_CURRENT_LEVEL 1U /* bit 0 of EC tells an abort from the current level from one from a lower level */

/* PSCI (Arm DEN0022), besides the functions in vcpu.h. */
#define PSCI_MIGRATE_INFO_TYPE 0x84000006U
#define PSCI_MIGRATE_NOT_NEEDED 2U /* no Trusted OS that would have to migrate */
#define PSCI_SYSTEM_OFF 0x84000008U
#define PSCI_SYSTEM_RESET 0x84000009U
#define PSCI_FEATURES 0x8400000AU

/*
 * Returns false where no device is. Registers that a device does not have read as zero. The width of an access is not
 * checked: Linux's drivers use the right ones, and a wrong one harms only the guest itself.
 */
static bool read_device(const struct linux_guest *guest, uint64_t ipa, uint64_t *value)
{
	if (vgic_read(&guest->vgic, ipa, value)) {
		return true;
	}
	if (ipa - CONSOLE_ADDRESS < VIRTIO_CONSOLE_BYTES) {
		*value = virtio_console_read(&guest->console, ipa - CONSOLE_ADDRESS);
	} else if (ipa - UART_ADDRESS < UART_BYTES) {
		*value = 0; /* this includes UARTFR, whose zero means: not busy, not full */
	} else {
		return false;
	}
	return true;
}

static bool write_device(struct linux_guest *guest, uint64_t ipa, uint32_t value)
{
	if (vgic_write(&guest->vgic, ipa, value)) {
		return true;
	}
	if (ipa - CONSOLE_ADDRESS < VIRTIO_CONSOLE_BYTES) {
		virtio_console_write(&guest->console, ipa - CONSOLE_ADDRESS, value);
	} else if (ipa == UART_ADDRESS + UART_DATA) {
		linux_log_byte(guest, (uint8_t)value);
	} else {
		return ipa - UART_ADDRESS < UART_BYTES;
	}
	return true;
}

/*
 * Gives the guest the external abort that a bus answers with where no device is. The exception class says whether the
 * abort came from the level that takes it: EL2 saw a lower level, EL1 sees its own or EL0.
 */
static void refuse_access(struct vcpu *vcpu, uint64_t esr)
{
	bool from_el0 = (vcpu->pstate & PSTATE_MODE_MASK) == 0U;
	uint64_t class = esr >> ESR_EC_SHIFT | (from_el0 ? 0U : EC_CURRENT_LEVEL);

	vcpu_take_exception(vcpu, VECTOR_SYNCHRONOUS, class << ESR_EC_SHIFT | ESR_IL | ABORT_EXTERNAL);
}

/* An undefined instruction, as on a CPU that lacks what was asked for: exception class 0, "Unknown reason". */
static void refuse_instruction(struct vcpu *vcpu)
{
	vcpu_take_exception(vcpu, VECTOR_SYNCHRONOUS, ESR_IL);
}

/*
 * Emulates one load or store. The address comes from two registers: HPFAR_EL2 has the page, FAR_EL2 the offset in it. A
 * load or store that the syndrome does not describe (ISV is 0: a pair, or one that changes its base register) is
 * refused: nobody says which registers it is about, and no driver uses one on device memory.
 */
static void access_device(struct linux_guest *guest, struct vcpu *vcpu, uint64_t esr)
{
	unsigned int number = (esr >> ABORT_REGISTER_SHIFT) & 0x1FU;
	unsigned int bits = 8U << ((esr >> ABORT_SIZE_SHIFT) & 0x3U);
	uint64_t mask = UINT64_MAX >> (64U - bits);
	uint64_t ipa = (READ_SYSREG(hpfar_el2) & HPFAR_FIPA_MASK) << HPFAR_FIPA_SHIFT |
		       (READ_SYSREG(far_el2) & (PAGE_BYTES - 1U));
	uint64_t value = number == ZERO_REGISTER ? 0U : vcpu->x[number] & mask;
	bool write = (esr & ABORT_WRITE) != 0U;

	if ((esr & ABORT_SYNDROME_VALID) == 0U ||
	    !(write ? write_device(guest, ipa, (uint32_t)value) : read_device(guest, ipa, &value))) {
		refuse_access(vcpu, esr);
		return;
	}
	if (!write && number != ZERO_REGISTER) {
		vcpu->x[number] = value & mask;
	}
	vcpu->pc += sizeof(uint32_t); /* it has been executed; an abort returns to the instruction itself */
}

/*
 * SGIs have no virtual register: with HCR_EL2.IMO set, a guest's write to ICC_SGI1R_EL1 traps (Arm IHI 0069), while the
 * rest of its CPU interface is the hardware's. Any other register that comes here does not exist in this machine.
 */
static void access_register(struct linux_guest *guest, struct vcpu *vcpu, uint64_t esr)
{
	unsigned int number = (esr >> REGISTER_SHIFT) & 0x1FU;

	if ((esr & REGISTER_MASK) != WRITE_ICC_SGI1R_EL1) {
		refuse_instruction(vcpu);
		return;
	}
	vgic_send_sgi(&guest->vgic, number == ZERO_REGISTER ? 0U : vcpu->x[number]);
	vcpu->pc += sizeof(uint32_t);
}

/*
 * PSCI by HVC. SYSTEM_OFF and SYSTEM_RESET end the guest and leave the board alone. With one vCPU there is nothing to
 * turn on, so CPU_ON and the like are not offered.
 */
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

void linux_trap(struct linux_guest *guest, struct vcpu *vcpu)
{
	uint64_t esr = READ_SYSREG(esr_el2);
	uint64_t class = esr >> ESR_EC_SHIFT;

	vm_count_trap(vcpu->vm, class);
	switch (class) {
	/*
	 * An HVC returns to the instruction behind it, a trapped SMC to the SMC itself (Arm ARM, "Preferred exception
	 * return address"), so only the latter has to be stepped over.
	 */
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
		refuse_instruction(vcpu);
		break;
	}
}
