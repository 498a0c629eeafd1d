/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest's interrupt controller on GICv3: CPU interface and list registers are system registers, so nothing is mapped
 * into the VM. Distributor and redistributor are emulated here.
 */
#include "guest_map.h"
#include "sysreg.h"
#include "vgic.h"

/* Arm IHI 0069, "The GIC Distributor register descriptions" and "The GIC Redistributor register descriptions". */
#define GICD_CTLR 0x0000U
#define GICD_TYPER 0x0004U
#define GIC_PIDR2 0xFFE8U
#define GICR_TYPER 0x0008U
#define GICR_SGI_FRAME 0x10000U
#define DISTRIBUTOR_BYTES 0x10000U
#define REDISTRIBUTOR_BYTES 0x20000U

#define GICD_CTLR_ENABLE_GROUP1 (1U << 1)
#define GICD_CTLR_ARE (1U << 4)
#define GICD_CTLR_ONE_SECURITY_STATE (1U << 6)
#define GICD_TYPER_LINES (VGIC_WORDS - 1U)
#define GICD_TYPER_ID_BITS (15U << 19) /* IDbits: 16 bits of interrupt number */
#define GICR_TYPER_LAST (1U << 4)
#define PIDR2_GICV3 0x30U

/* The physical CPU interface, and the list registers. */
#define ICC_CTLR_EL1 s3_0_c12_c12_4
#define ICC_DIR_EL1 s3_0_c12_c11_1
#define ICH_HCR_EL2 s3_4_c12_c11_0
#define ICH_VTR_EL2 s3_4_c12_c11_1
#define ICH_ELRSR_EL2 s3_4_c12_c11_5
#define ICH_VMCR_EL2 s3_4_c12_c11_7
#define ICH_AP1R0_EL2 s3_4_c12_c9_0
#define ICH_LR0_EL2 s3_4_c12_c12_0
#define ICH_LR1_EL2 s3_4_c12_c12_1
#define ICH_LR2_EL2 s3_4_c12_c12_2
#define ICH_LR3_EL2 s3_4_c12_c12_3
#define ICC_CTLR_EOIMODE (1ULL << 1) /* the end of an interrupt drops its priority, and no more */
#define ICH_HCR_EN (1U << 0)
#define ICH_HCR_UIE (1U << 1) /* maintenance interrupt when no more than one list register is in use */
#define ICH_VTR_LIST_REGISTERS 0x1FU
#define LR_PENDING (1ULL << 62)
#define LR_HARDWARE (1ULL << 61)
#define LR_GROUP1 (1ULL << 60)
#define LR_PRIORITY_SHIFT 48U
#define LR_PHYSICAL_SHIFT 32U
#define MOST_LIST_REGISTERS 4U /* of 16 at most: more need a case each below, and one vCPU does not need them */

/* ID_AA64PFR0_EL1.GIC: system registers of the CPU interface. */
#define PFR0_GIC_SHIFT 24U

/* ICC_SGI1R_EL1 */
#define SGI_INTID_SHIFT 24U
#define SGI_TO_ALL_OTHERS (1ULL << 40)
#define SGI_TO_FIRST 1ULL

/* A system register's number is part of the instruction, so that it cannot be an index. */
static uint64_t read_list(unsigned int number)
{
	switch (number) {
	case 0:
		return READ_SYSREG(ICH_LR0_EL2);
	case 1:
		return READ_SYSREG(ICH_LR1_EL2);
	case 2:
		return READ_SYSREG(ICH_LR2_EL2);
	default:
		return READ_SYSREG(ICH_LR3_EL2);
	}
}

static void write_list(unsigned int number, uint64_t value)
{
	switch (number) {
	case 0:
		WRITE_SYSREG(ICH_LR0_EL2, value);
		break;
	case 1:
		WRITE_SYSREG(ICH_LR1_EL2, value);
		break;
	case 2:
		WRITE_SYSREG(ICH_LR2_EL2, value);
		break;
	default:
		WRITE_SYSREG(ICH_LR3_EL2, value);
		break;
	}
}

bool vgic_possible(void)
{
	return ((READ_SYSREG(id_aa64pfr0_el1) >> PFR0_GIC_SHIFT) & 0xFU) != 0U;
}

enum vm_status vgic_map(struct vm *vm)
{
	(void)vm;
	return VM_OK;
}

void interface_clear(void)
{
	for (unsigned int i = 0; i < list_count(); i++) {
		write_list(i, 0);
	}
	WRITE_SYSREG(ICH_AP1R0_EL2, 0U); /* no active priority of the guest before */
	WRITE_SYSREG(ICH_VMCR_EL2, 0U);
	WRITE_SYSREG(ICH_HCR_EL2, 0U);
	isb();
}

void interface_set(bool maintenance_when_low)
{
	WRITE_SYSREG(ICH_HCR_EL2, ICH_HCR_EN | (maintenance_when_low ? ICH_HCR_UIE : 0U));
	isb();
}

void interface_split_end(bool split)
{
	uint64_t control = READ_SYSREG(ICC_CTLR_EL1) & ~ICC_CTLR_EOIMODE;

	WRITE_SYSREG(ICC_CTLR_EL1, control | (split ? ICC_CTLR_EOIMODE : 0U));
	isb();
}

void interface_deactivate(uint32_t taken)
{
	WRITE_SYSREG(ICC_DIR_EL1, taken);
	isb();
}

unsigned int list_count(void)
{
	unsigned int count = (unsigned int)(READ_SYSREG(ICH_VTR_EL2) & ICH_VTR_LIST_REGISTERS) + 1U;

	return count < MOST_LIST_REGISTERS ? count : MOST_LIST_REGISTERS;
}

uint64_t list_empty(void)
{
	return READ_SYSREG(ICH_ELRSR_EL2);
}

uint32_t list_intid(unsigned int number)
{
	return (uint32_t)read_list(number);
}

void list_fill(unsigned int number, uint32_t intid)
{
	uint64_t entry = LR_PENDING | LR_GROUP1 | VGIC_PRIORITY << LR_PRIORITY_SHIFT | intid;

	if (intid == INTID_VIRTUAL_TIMER) {
		entry |= LR_HARDWARE | (uint64_t)intid << LR_PHYSICAL_SHIFT;
	}
	write_list(number, entry);
}

void list_pend(unsigned int number)
{
	write_list(number, read_list(number) | LR_PENDING);
}

/* With one vCPU, an SGI is for itself (target list, affinity 0) or for nobody ("all but self"). */
void vgic_send_sgi(struct vgic *vgic, uint64_t value)
{
	if ((value & SGI_TO_ALL_OTHERS) == 0U && (value & SGI_TO_FIRST) != 0U) {
		vgic_raise(vgic, (value >> SGI_INTID_SHIFT) & 0xFU);
	}
}

static uint64_t read_distributor(const struct vgic *vgic, uint64_t offset)
{
	switch (offset) {
	/* One security state and affinity routing, both fixed: what Linux expects of a GICv3 in a VM. */
	case GICD_CTLR:
		return GICD_CTLR_ONE_SECURITY_STATE | GICD_CTLR_ARE |
		       (vgic->distributing ? GICD_CTLR_ENABLE_GROUP1 : 0U);
	case GICD_TYPER:
		return GICD_TYPER_LINES | GICD_TYPER_ID_BITS;
	case GIC_PIDR2:
		return PIDR2_GICV3;
	default:
		return vgic_read_bitmap(vgic, offset);
	}
}

static uint64_t read_redistributor(const struct vgic *vgic, uint64_t offset)
{
	switch (offset) {
	case GICR_TYPER:
		return GICR_TYPER_LAST;
	case GIC_PIDR2:
		return PIDR2_GICV3;
	default:
		return offset < GICR_SGI_FRAME ? 0U : vgic_read_bitmap(vgic, offset - GICR_SGI_FRAME);
	}
}

bool vgic_read(const struct vgic *vgic, uint64_t ipa, uint64_t *value)
{
	if (ipa - GIC_DISTRIBUTOR < DISTRIBUTOR_BYTES) {
		*value = read_distributor(vgic, ipa - GIC_DISTRIBUTOR);
		return true;
	}
	if (ipa - GIC_V3_REDISTRIBUTORS < REDISTRIBUTOR_BYTES) {
		*value = read_redistributor(vgic, ipa - GIC_V3_REDISTRIBUTORS);
		return true;
	}
	return false;
}

bool vgic_write(struct vgic *vgic, uint64_t ipa, uint32_t value)
{
	if (ipa == GIC_DISTRIBUTOR + GICD_CTLR) {
		vgic->distributing = (value & GICD_CTLR_ENABLE_GROUP1) != 0U;
		return true;
	}
	if (ipa - GIC_DISTRIBUTOR < DISTRIBUTOR_BYTES) {
		vgic_write_bitmap(vgic, ipa - GIC_DISTRIBUTOR, value);
		return true;
	}
	if (ipa - GIC_V3_REDISTRIBUTORS < REDISTRIBUTOR_BYTES) {
		/*
		 * The first frame has only power management and LPIs, which are not emulated: GICR_WAKER reads as
		 * awake.
		 */
		if (ipa - GIC_V3_REDISTRIBUTORS >= GICR_SGI_FRAME) {
			vgic_write_bitmap(vgic, ipa - GIC_V3_REDISTRIBUTORS - GICR_SGI_FRAME, value);
		}
		return true;
	}
	return false;
}
