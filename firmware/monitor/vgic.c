/* SPDX-License-Identifier: BSD-3-Clause */

#include "vgic.h"

#include "gic.h"
#include "platform.h"
#include "sysreg.h"

/* Arm IHI 0069, chapter 12: registers of the distributor; the redistributor's second frame has those up to ICPENDR,
 * too. */
#define GICD_CTLR 0x0000U
#define GICD_TYPER 0x0004U
#define GIC_ISENABLER 0x0100U
#define GIC_ICENABLER 0x0180U
#define GIC_ISPENDR 0x0200U
#define GIC_ICPENDR 0x0280U
#define GIC_PIDR2 0xFFE8U
#define GICR_TYPER 0x0008U
#define GICR_SGI_FRAME 0x10000U
#define BITMAP_BYTES 0x80U /* from one of these registers to the next */

#define GICD_CTLR_ENABLE_GROUP1 (1U << 1)
#define GICD_CTLR_ARE (1U << 4)
#define GICD_CTLR_ONE_SECURITY_STATE (1U << 6)
#define GICD_TYPER_LINES (VGIC_WORDS - 1U)
#define GICD_TYPER_ID_BITS (15U << 19) /* 16 */
#define GICR_TYPER_LAST (1U << 4)
#define PIDR2_GICV3 0x30U

#define INTIDS_PER_WORD 32U
#define INTID_VIRTUAL_TIMER 27U /* Arm BSA */
#define INTID_MAINTENANCE 25U

/* Chapter 12: the physical CPU interface, and the list registers through which EL2 presents virtual interrupts. */
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
#define ICC_CTLR_EOIMODE (1U << 1) /* the end of an interrupt drops its priority; deactivating it is another step */
#define ICH_HCR_EN (1U << 0)
#define ICH_HCR_UIE (1U << 1) /* maintenance interrupt when no more than one list register is in use */
#define ICH_VTR_LIST_REGISTERS 0x1FU
#define LR_PENDING (1ULL << 62)
#define LR_ACTIVE (1ULL << 63)
#define LR_HARDWARE (1ULL << 61) /* its deactivation by the guest deactivates the physical interrupt as well */
#define LR_GROUP1 (1ULL << 60)
#define LR_PRIORITY (0xA0ULL << 48)
#define LR_PHYSICAL_SHIFT 32U
#define LR_INTID_MASK 0xFFFFFFFFULL
#define MOST_LIST_REGISTERS 4U

/* ID_AA64PFR0_EL1.GIC: system registers of the CPU interface. */
#define PFR0_GIC_SHIFT 24U

/* ICC_SGI1R_EL1 */
#define SGI_INTID_SHIFT 24U
#define SGI_TO_ALL_OTHERS (1ULL << 40)
#define SGI_TO_FIRST 1ULL

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

static unsigned int list_registers(void)
{
	unsigned int count = (unsigned int)(READ_SYSREG(ICH_VTR_EL2) & ICH_VTR_LIST_REGISTERS) + 1U;

	return count < MOST_LIST_REGISTERS ? count : MOST_LIST_REGISTERS;
}

bool vgic_possible(void)
{
	return PLAT_GIC_VERSION == 3 && ((READ_SYSREG(id_aa64pfr0_el1) >> PFR0_GIC_SHIFT) & 0xFU) != 0U;
}

static void clear_interface(void)
{
	for (unsigned int i = 0; i < list_registers(); i++) {
		write_list(i, 0);
	}
	WRITE_SYSREG(ICH_AP1R0_EL2, 0U);
	WRITE_SYSREG(ICH_VMCR_EL2, 0U);
	WRITE_SYSREG(ICH_HCR_EL2, 0U);
}

void vgic_start(struct vgic *vgic, unsigned int cpu)
{
	*vgic = (struct vgic){.cpu = cpu};
	clear_interface();
	WRITE_SYSREG(ICC_CTLR_EL1, READ_SYSREG(ICC_CTLR_EL1) | ICC_CTLR_EOIMODE);
	isb();
	gic_enable_private(cpu, INTID_VIRTUAL_TIMER);
	gic_enable_private(cpu, INTID_MAINTENANCE);
}

void vgic_stop(const struct vgic *vgic)
{
	WRITE_SYSREG(cntv_ctl_el0, 0U);
	gic_disable_private(vgic->cpu, INTID_VIRTUAL_TIMER);
	gic_disable_private(vgic->cpu, INTID_MAINTENANCE);
	WRITE_SYSREG(ICC_DIR_EL1, INTID_VIRTUAL_TIMER);
	clear_interface();
	WRITE_SYSREG(ICC_CTLR_EL1, READ_SYSREG(ICC_CTLR_EL1) & ~(uint64_t)ICC_CTLR_EOIMODE);
	isb();
}

void vgic_raise(struct vgic *vgic, uint32_t intid)
{
	vgic->pending[intid / INTIDS_PER_WORD] |= 1U << (intid % INTIDS_PER_WORD);
}

void vgic_send_sgi(struct vgic *vgic, uint64_t value)
{
	if ((value & SGI_TO_ALL_OTHERS) == 0U && (value & SGI_TO_FIRST) != 0U) {
		vgic_raise(vgic, (value >> SGI_INTID_SHIFT) & 0xFU);
	}
}

void vgic_take_interrupt(struct vgic *vgic)
{
	uint32_t intid;

	if (!gic_acknowledge(&intid)) {
		return;
	}
	gic_end(intid);
	if (intid == INTID_VIRTUAL_TIMER) {
		vgic_raise(vgic, intid);
	} else {
		WRITE_SYSREG(ICC_DIR_EL1, intid);
		isb();
	}
}

static uint64_t list_entry(uint32_t intid)
{
	uint64_t entry = LR_PENDING | LR_GROUP1 | LR_PRIORITY | intid;

	return intid == INTID_VIRTUAL_TIMER ? entry | LR_HARDWARE | (uint64_t)intid << LR_PHYSICAL_SHIFT : entry;
}

/* False: every list register is in use. One that the guest is handling becomes pending again. */
static bool present(uint32_t intid)
{
	uint64_t empty = READ_SYSREG(ICH_ELRSR_EL2);
	unsigned int count = list_registers();
	unsigned int free = count;

	for (unsigned int i = 0; i < count; i++) {
		if ((empty & 1ULL << i) != 0U) {
			free = i;
		} else if ((read_list(i) & LR_INTID_MASK) == intid) {
			write_list(i, read_list(i) | LR_PENDING);
			return true;
		}
	}
	if (free == count) {
		return false;
	}
	write_list(free, list_entry(intid));
	return true;
}

void vgic_deliver(struct vgic *vgic)
{
	uint64_t control = ICH_HCR_EN;

	for (uint32_t word = 0; vgic->distributing && word < VGIC_WORDS; word++) {
		uint32_t ready = vgic->pending[word] & vgic->enabled[word];

		for (; ready != 0U; ready &= ready - 1U) {
			uint32_t bit = (uint32_t)__builtin_ctz(ready);

			if (present(word * INTIDS_PER_WORD + bit)) {
				vgic->pending[word] &= ~(1U << bit);
			} else {
				control |= ICH_HCR_UIE;
			}
		}
	}
	WRITE_SYSREG(ICH_HCR_EL2, control);
	isb();
}

/* Enable and pending bits; everything else of this range reads as zero. */
static uint32_t read_bitmap(const struct vgic *vgic, uint64_t offset)
{
	uint64_t word = offset % BITMAP_BYTES / sizeof(uint32_t);

	if (word >= VGIC_WORDS) {
		return 0;
	}
	switch (offset - offset % BITMAP_BYTES) {
	case GIC_ISENABLER:
	case GIC_ICENABLER:
		return vgic->enabled[word];
	case GIC_ISPENDR:
	case GIC_ICPENDR:
		return vgic->pending[word];
	default:
		return 0;
	}
}

static void write_bitmap(struct vgic *vgic, uint64_t offset, uint32_t value)
{
	uint64_t word = offset % BITMAP_BYTES / sizeof(uint32_t);

	if (word >= VGIC_WORDS) {
		return;
	}
	switch (offset - offset % BITMAP_BYTES) {
	case GIC_ISENABLER:
		vgic->enabled[word] |= value;
		break;
	case GIC_ICENABLER:
		vgic->enabled[word] &= ~value;
		break;
	case GIC_ISPENDR:
		vgic->pending[word] |= value;
		break;
	case GIC_ICPENDR:
		vgic->pending[word] &= ~value;
		break;
	default:
		break;
	}
}

uint64_t vgic_read_distributor(const struct vgic *vgic, uint64_t offset)
{
	switch (offset) {
	case GICD_CTLR:
		return GICD_CTLR_ONE_SECURITY_STATE | GICD_CTLR_ARE |
		       (vgic->distributing ? GICD_CTLR_ENABLE_GROUP1 : 0U);
	case GICD_TYPER:
		return GICD_TYPER_LINES | GICD_TYPER_ID_BITS;
	case GIC_PIDR2:
		return PIDR2_GICV3;
	default:
		return read_bitmap(vgic, offset);
	}
}

void vgic_write_distributor(struct vgic *vgic, uint64_t offset, uint32_t value)
{
	if (offset == GICD_CTLR) {
		vgic->distributing = (value & GICD_CTLR_ENABLE_GROUP1) != 0U;
	} else {
		write_bitmap(vgic, offset, value);
	}
}

uint64_t vgic_read_redistributor(const struct vgic *vgic, uint64_t offset)
{
	switch (offset) {
	case GICR_TYPER:
		return GICR_TYPER_LAST;
	case GIC_PIDR2:
		return PIDR2_GICV3;
	default:
		return offset < GICR_SGI_FRAME ? 0U : read_bitmap(vgic, offset - GICR_SGI_FRAME);
	}
}

void vgic_write_redistributor(struct vgic *vgic, uint64_t offset, uint32_t value)
{
	if (offset >= GICR_SGI_FRAME) {
		write_bitmap(vgic, offset - GICR_SGI_FRAME, value);
	}
}
