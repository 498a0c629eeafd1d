/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor's interrupts on a GICv3 (Arm IHI 0069): the distributor and one redistributor per CPU are registers in
 * memory, CPU interfaces are system registers.
 */
#include "gic.h"
#include "mmio.h"
#include "platform.h"
#include "sysreg.h"

/* "The GIC Distributor register descriptions" and "The GIC Redistributor register descriptions", Non-secure view. */
#define GICD_CTLR (PLAT_GICD_BASE + 0x0000U)
#define GICD_IGROUPR (PLAT_GICD_BASE + 0x0080U)
#define GICD_ISENABLER (PLAT_GICD_BASE + 0x0100U)
#define GICD_IROUTER (PLAT_GICD_BASE + 0x6000U)
#define GICD_CTLR_ENABLE_GROUP1 (1U << 1)
#define GICD_CTLR_ARE (1U << 4)
#define GICR_STRIDE 0x20000UL /* from one CPU's redistributor to the next one's */
#define GICR_WAKER 0x0014U
#define GICR_WAKER_PROCESSOR_SLEEP (1U << 1)
#define GICR_SGI_FRAME 0x10000U
#define GICR_IGROUPR0 (GICR_SGI_FRAME + 0x0080U)
#define GICR_ISENABLER0 (GICR_SGI_FRAME + 0x0100U)
#define GICR_ICENABLER0 (GICR_SGI_FRAME + 0x0180U)
#define ALL_SGIS 0xFFFFU
#define FIRST_SPECIAL_INTID 1020U /* 1020 to 1023: nothing is pending, or it is not for this Security state */

/* The assembler for plain Armv8.0 does not know these by name. */
#define ICC_SRE_EL2 s3_4_c12_c9_5
#define ICC_PMR_EL1 s3_0_c4_c6_0
#define ICC_IGRPEN1_EL1 s3_0_c12_c12_7
#define ICC_SGI1R_EL1 s3_0_c12_c11_5
#define ICC_IAR1_EL1 s3_0_c12_c12_0
#define ICC_EOIR1_EL1 s3_0_c12_c12_1
#define ICC_SRE_ENABLE 0x9U /* SRE and Enable: system registers for EL2, and EL1 may use ICC_SRE_EL1 */
#define ICC_LOWEST_PRIORITY 0xFFU
#define MPIDR_AFFINITIES 0xFF00FFFFFFULL

static uintptr_t redistributor_of(unsigned int cpu)
{
	return PLAT_GICR_BASE + cpu * GICR_STRIDE;
}

void gic_start(void)
{
	/* ARE_NS must not change while Group 1 is on (GICD_CTLR), hence two writes. */
	mmio_write(GICD_CTLR, GICD_CTLR_ARE);
	mmio_write(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GROUP1);
}

uint64_t gic_start_cpu(unsigned int cpu)
{
	uintptr_t redistributor = redistributor_of(cpu);

	mmio_write(redistributor + GICR_WAKER, mmio_read(redistributor + GICR_WAKER) & ~GICR_WAKER_PROCESSOR_SLEEP);
	mmio_write(redistributor + GICR_IGROUPR0, UINT32_MAX);
	mmio_write(redistributor + GICR_ISENABLER0, ALL_SGIS);
	WRITE_SYSREG(ICC_SRE_EL2, ICC_SRE_ENABLE);
	isb();
	WRITE_SYSREG(ICC_PMR_EL1, ICC_LOWEST_PRIORITY);
	WRITE_SYSREG(ICC_IGRPEN1_EL1, 1U);
	isb();
	return READ_SYSREG(mpidr_el1) & MPIDR_AFFINITIES;
}

void gic_enable_shared(uint32_t intid, uint64_t target)
{
	uintptr_t group = GICD_IGROUPR + 4U * (intid / 32U);

	mmio_write(group, mmio_read(group) | 1U << (intid % 32U));
	mmio_write64(GICD_IROUTER + 8UL * intid, target);
	mmio_write(GICD_ISENABLER + 4U * (intid / 32U), 1U << (intid % 32U));
}

void gic_enable_private(unsigned int cpu, uint32_t intid)
{
	mmio_write(redistributor_of(cpu) + GICR_ISENABLER0, 1U << intid);
}

void gic_disable_private(unsigned int cpu, uint32_t intid)
{
	mmio_write(redistributor_of(cpu) + GICR_ICENABLER0, 1U << intid);
}

/* ICC_SGI1R_EL1: Aff3, Aff2 and Aff1 from bits 48, 32 and 16 on; INTID from 24 on; a bit for each Aff0 below 16. */
void gic_send_sgi(uint32_t sgi, uint64_t target)
{
	uint64_t affinity3 = (target >> 32U) & 0xFFU;
	uint64_t affinity2 = (target >> 16U) & 0xFFU;
	uint64_t affinity1 = (target >> 8U) & 0xFFU;

	dsb_ish(); /* the target looks at memory, whose stores must not come later than the interrupt */
	WRITE_SYSREG(ICC_SGI1R_EL1, affinity3 << 48U | affinity2 << 32U | (uint64_t)sgi << 24U | affinity1 << 16U |
					    1ULL << (target & 0xFU));
	isb();
}

bool gic_acknowledge(uint32_t *taken)
{
	*taken = (uint32_t)READ_SYSREG(ICC_IAR1_EL1);
	return *taken < FIRST_SPECIAL_INTID;
}

void gic_end(uint32_t taken)
{
	WRITE_SYSREG(ICC_EOIR1_EL1, taken);
	isb();
}
