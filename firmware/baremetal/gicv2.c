/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor's interrupts on a GICv2 (Arm IHI 0048): distributor and CPU interface are registers in memory.
 */
#include "gic.h"
#include "mmio.h"
#include "platform.h"
#include "sysreg.h"

/* "Distributor register map" and "CPU interface register map", in the Non-secure view: it only knows Group 1. */
#define GICD_CTLR (PLAT_GICD_BASE + 0x000U)
#define GICD_ISENABLER (PLAT_GICD_BASE + 0x100U)
#define GICD_ICENABLER (PLAT_GICD_BASE + 0x180U)
#define GICD_ITARGETSR (PLAT_GICD_BASE + 0x800U)
#define GICD_SGIR (PLAT_GICD_BASE + 0xF00U)
#define GICC_CTLR (PLAT_GICC_BASE + 0x000U)
#define GICC_PMR (PLAT_GICC_BASE + 0x004U)
#define GICC_IAR (PLAT_GICC_BASE + 0x00CU)
#define GICC_EOIR (PLAT_GICC_BASE + 0x010U)
#define CTLR_ENABLE 1U
#define LOWEST_PRIORITY 0xFFU /* as a mask it lets all interrupts pass; none has a reason to be masked */
#define ALL_SGIS 0xFFFFU
#define SGIR_TARGETS_SHIFT 16U
#define FIRST_SPECIAL_INTID 1020U /* 1020 to 1023: nothing is pending, or it is not for this Security state */

static void enable(uint32_t intid)
{
	mmio_write(GICD_ISENABLER + 4U * (intid / 32U), 1U << (intid % 32U));
}

void gic_start(void)
{
	mmio_write(GICD_CTLR, CTLR_ENABLE);
}

/* GICD_ITARGETSR0 to 7 are read-only, and their bytes read as the bit of the CPU that reads them. */
uint64_t gic_start_cpu(unsigned int cpu)
{
	(void)cpu;
	mmio_write(GICD_ISENABLER, ALL_SGIS);
	mmio_write(GICC_PMR, LOWEST_PRIORITY);
	mmio_write(GICC_CTLR, CTLR_ENABLE);
	return mmio_read(GICD_ITARGETSR) & 0xFFU;
}

void gic_enable_shared(uint32_t intid, uint64_t target)
{
	uintptr_t targets = GICD_ITARGETSR + (intid & ~3U);
	uint32_t shift = 8U * (intid % 4U);

	mmio_write(targets, (mmio_read(targets) & ~(0xFFU << shift)) | (uint32_t)target << shift);
	enable(intid);
}

void gic_enable_private(unsigned int cpu, uint32_t intid)
{
	(void)cpu;
	enable(intid);
}

void gic_disable_private(unsigned int cpu, uint32_t intid)
{
	(void)cpu;
	mmio_write(GICD_ICENABLER, 1U << intid);
}

void gic_send_sgi(uint32_t sgi, uint64_t target)
{
	dsb_sy(); /* the target looks at memory, whose stores must not come later than the interrupt */
	mmio_write(GICD_SGIR, (uint32_t)target << SGIR_TARGETS_SHIFT | sgi);
}

/* For an SGI, GICC_IAR also has the CPU that sent it, and GICC_EOIR wants both back. */
bool gic_acknowledge(uint32_t *taken)
{
	*taken = mmio_read(GICC_IAR);
	return (*taken & GIC_INTID_MASK) < FIRST_SPECIAL_INTID;
}

void gic_end(uint32_t taken)
{
	mmio_write(GICC_EOIR, taken);
}
