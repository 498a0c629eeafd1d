/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest does that EL2 has to do for it: accesses to devices that are not there, PSCI.
 */
#include "guest_map.h"
#include "linux_guest.h"
#include "sysreg.h"

/* Arm DDI 0183: the one register of a PL011 that output needs. */
#define UART_DATA 0x00U
#define UART_BYTES 0x1000U

/* ESR_EL2.ISS of a data abort, Arm ARM D19.2.37. */
#define ABORT_SYNDROME_VALID (1ULL << 24)
#define ABORT_SIZE_SHIFT 22U
#define ABORT_REGISTER_SHIFT 16U
#define ABORT_WRITE (1ULL << 6)
#define ABORT_EXTERNAL 0x10U /* synchronous external abort, not on a translation table walk */
#define ZERO_REGISTER 31U

/* ESR_EL2.ISS of a trapped MSR or MRS: Op0, Op2, Op1, CRn, CRm and direction; Rt from bit 5 on. */
#define REGISTER_MASK 0x3FFC1FU
#define REGISTER_SHIFT 5U
#define WRITE_ICC_SGI1R_EL1 (3U << 20 | 5U << 17 | 0U << 14 | 12U << 10 | 11U << 1)

#define ESR_IL (1ULL << 25) /* an instruction of 32 bits */
#define EC_CURRENT_LEVEL 1U /* what makes an abort at a lower level one at the current level */

/* Arm DEN0022, besides those in vcpu.h. */
#define PSCI_MIGRATE_INFO_TYPE 0x84000006U
#define PSCI_MIGRATE_NOT_NEEDED 2U
#define PSCI_SYSTEM_OFF 0x84000008U
#define PSCI_SYSTEM_RESET 0x84000009U
#define PSCI_FEATURES 0x8400000AU

/* Devices do not care how wide an access is, and read as zero where they have nothing to say. False: nothing is there.
 */
static bool read_device(const struct linux_guest *guest, uint64_t ipa, uint64_t *value)
{
	if (vgic_read(&guest->vgic, ipa, value)) {
		return true;
	}
	if (ipa - CONSOLE_ADDRESS < VIRTIO_CONSOLE_BYTES) {
		*value = virtio_console_read(&guest->console, ipa - CONSOLE_ADDRESS);
	} else if (ipa - UART_ADDRESS < UART_BYTES) {
		*value = 0; /* its flags, too: not busy, not full */
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

/* An abort that EL2 has taken is to EL1 what a bus answers on which there is nothing. */
static void refuse_access(struct vcpu *vcpu, uint64_t esr)
{
	bool from_el0 = (vcpu->pstate & PSTATE_MODE_MASK) == 0U;
	uint64_t class = esr >> ESR_EC_SHIFT | (from_el0 ? 0U : EC_CURRENT_LEVEL);

	vcpu_take_exception(vcpu, VECTOR_SYNCHRONOUS, class << ESR_EC_SHIFT | ESR_IL | ABORT_EXTERNAL);
}

static void refuse_instruction(struct vcpu *vcpu)
{
	vcpu_take_exception(vcpu, VECTOR_SYNCHRONOUS, ESR_IL); /* class 0: unknown reason */
}

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
	vcpu->pc += sizeof(uint32_t);
}

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

void linux_trap(struct linux_guest *guest, struct vcpu *vcpu)
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
		refuse_instruction(vcpu);
		break;
	}
}
