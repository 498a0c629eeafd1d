/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest's interrupt controller on GICv2: the guest reaches its CPU interface in a frame of the hardware (GICV) that
 * is mapped into the VM; the monitor reaches the list registers in another one (GICH). The distributor is emulated
 * here.
 */
#include "gic.h"
#include "guest_map.h"
#include "mmio.h"
#include "platform.h"
#include "vgic.h"

/* Arm IHI 0048, "Distributor register descriptions". */
#define GICD_CTLR 0x000U
#define GICD_TYPER 0x004U
#define GICD_ITARGETSR 0x800U
#define GICD_SGIR 0xF00U
#define GICD_PIDR2 0xFE8U
#define DISTRIBUTOR_BYTES 0x1000U

#define GICD_CTLR_ENABLE (1U << 0)
#define GICD_TYPER_LINES (VGIC_WORDS - 1U)
#define PIDR2_GICV2 0x20U
#define ITARGETSR_BYTES 0x400U
#define FIRST_CPU_EACH 0x01010101U /* four interrupts per register, each for CPU interface 0 */
#define SGIR_FILTER_SHIFT 24U
#define SGIR_TO_LISTED 0U
#define SGIR_TO_SELF 2U
#define SGIR_FIRST_LISTED (1U << 16)

/* "CPU interface register descriptions", in the Non-secure view; "Virtual interface control registers". */
#define GICC_CTLR (PLAT_GICC_BASE + 0x0000U)
#define GICC_DIR (PLAT_GICC_BASE + 0x1000U)
#define GICH_HCR (PLAT_GICH_BASE + 0x000U)
#define GICH_VTR (PLAT_GICH_BASE + 0x004U)
#define GICH_VMCR (PLAT_GICH_BASE + 0x008U)
#define GICH_ELRSR0 (PLAT_GICH_BASE + 0x030U)
#define GICH_APR (PLAT_GICH_BASE + 0x0F0U)
#define GICH_LR(number) (PLAT_GICH_BASE + 0x100U + 4U * (number))
#define GICV_BYTES 0x2000U
#define GICC_CTLR_EOIMODE (1U << 9) /* the end of an interrupt drops its priority, and no more */
#define GICH_HCR_EN (1U << 0)
#define GICH_HCR_UIE (1U << 1) /* maintenance interrupt when no more than one list register is in use */
#define GICH_VTR_LIST_REGISTERS 0x3FU
#define LR_HARDWARE (1U << 31)
#define LR_PENDING (1U << 28)
#define LR_PRIORITY_SHIFT 23U
#define PRIORITY_LOW_BITS 3U /* a list register has only the upper five bits of a priority */
#define LR_PHYSICAL_SHIFT 10U
#define MOST_LIST_REGISTERS 32U /* as many as GICH_ELRSR0 has bits; no known GIC has more than 4 */

/* Every GICv2 of an Armv8-A board has the virtual interface. */
bool vgic_possible(void)
{
	return true;
}

enum vm_status vgic_map(struct vm *vm)
{
	return vm_map(vm, ipa_make(GIC_V2_CPU_INTERFACE), pa_make(PLAT_GICV_BASE), GICV_BYTES,
		      STAGE2_WRITABLE | STAGE2_DEVICE);
}

void interface_clear(void)
{
	for (unsigned int i = 0; i < list_count(); i++) {
		mmio_write(GICH_LR(i), 0);
	}
	mmio_write(GICH_APR, 0);
	mmio_write(GICH_VMCR, 0);
	mmio_write(GICH_HCR, 0);
}

void interface_set(bool maintenance_when_low)
{
	mmio_write(GICH_HCR, GICH_HCR_EN | (maintenance_when_low ? GICH_HCR_UIE : 0U));
}

void interface_split_end(bool split)
{
	mmio_write(GICC_CTLR, (mmio_read(GICC_CTLR) & ~GICC_CTLR_EOIMODE) | (split ? GICC_CTLR_EOIMODE : 0U));
}

void interface_deactivate(uint32_t taken)
{
	mmio_write(GICC_DIR, taken);
}

unsigned int list_count(void)
{
	unsigned int count = (mmio_read(GICH_VTR) & GICH_VTR_LIST_REGISTERS) + 1U;

	return count < MOST_LIST_REGISTERS ? count : MOST_LIST_REGISTERS;
}

uint64_t list_empty(void)
{
	return mmio_read(GICH_ELRSR0);
}

uint32_t list_intid(unsigned int number)
{
	return mmio_read(GICH_LR(number)) & GIC_INTID_MASK;
}

void list_fill(unsigned int number, uint32_t intid)
{
	uint32_t entry = LR_PENDING | (uint32_t)VGIC_PRIORITY >> PRIORITY_LOW_BITS << LR_PRIORITY_SHIFT | intid;

	mmio_write(GICH_LR(number),
		   intid == INTID_VIRTUAL_TIMER ? entry | LR_HARDWARE | intid << LR_PHYSICAL_SHIFT : entry);
}

void list_pend(unsigned int number)
{
	mmio_write(GICH_LR(number), mmio_read(GICH_LR(number)) | LR_PENDING);
}

/* Not called: no system register of a GICv2 can trap. */
void vgic_send_sgi(struct vgic *vgic, uint64_t value)
{
	(void)vgic;
	(void)value;
}

/* GICD_SGIR. With one vCPU, an SGI is for itself or for nobody. */
static void send_sgi(struct vgic *vgic, uint32_t value)
{
	uint32_t filter = (value >> SGIR_FILTER_SHIFT) & 3U;

	if (filter == SGIR_TO_SELF || (filter == SGIR_TO_LISTED && (value & SGIR_FIRST_LISTED) != 0U)) {
		vgic_raise(vgic, value & 0xFU);
	}
}

bool vgic_read(const struct vgic *vgic, uint64_t ipa, uint64_t *value)
{
	uint64_t offset = ipa - GIC_DISTRIBUTOR;

	if (offset >= DISTRIBUTOR_BYTES) {
		return false;
	}
	if (offset == GICD_CTLR) {
		*value = vgic->distributing ? GICD_CTLR_ENABLE : 0U;
	} else if (offset == GICD_TYPER) {
		*value = GICD_TYPER_LINES;
	} else if (offset == GICD_PIDR2) {
		*value = PIDR2_GICV2;
	} else if (offset - GICD_ITARGETSR < ITARGETSR_BYTES) {
		*value = FIRST_CPU_EACH;
	} else {
		*value = vgic_read_bitmap(vgic, offset);
	}
	return true;
}

bool vgic_write(struct vgic *vgic, uint64_t ipa, uint32_t value)
{
	uint64_t offset = ipa - GIC_DISTRIBUTOR;

	if (offset >= DISTRIBUTOR_BYTES) {
		return false;
	}
	if (offset == GICD_CTLR) {
		vgic->distributing = (value & GICD_CTLR_ENABLE) != 0U;
	} else if (offset == GICD_SGIR) {
		send_sgi(vgic, value);
	} else {
		vgic_write_bitmap(vgic, offset, value);
	}
	return true;
}
