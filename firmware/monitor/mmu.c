/* SPDX-License-Identifier: BSD-3-Clause */

#include "mmu.h"

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"
#include "sysreg.h"

#define GIB_SHIFT 30U
#define GIBS 512U

/* Block descriptors, Arm ARM D8.3. AP[1] is RES1 where a regime has one privilege level. */
#define BLOCK_VALID 1ULL
#define BLOCK_NORMAL (1ULL << 2)
#define BLOCK_AP1 (1ULL << 6)
#define BLOCK_INNER_SHAREABLE (3ULL << 8)
#define BLOCK_ACCESSED (1ULL << 10)
#define BLOCK_EXECUTE_NEVER (1ULL << 54)

/* MAIR_EL2: index 0 device nGnRnE, index 1 normal write-back. */
#define MAIR 0xFF00ULL

/* TCR_EL2, Arm ARM D19.2.147: T0SZ 25 (39 bits), write-back inner and outer, inner shareable, 4 KiB granule. */
#define TCR (1ULL << 31 | 1ULL << 23 | 3ULL << 12 | 1ULL << 10 | 1ULL << 8 | 25ULL)
#define TCR_PS_SHIFT 16U
#define PARANGE_48_BITS 5ULL

/* SCTLR_EL2, Arm ARM D19.2.118: RES1 bits; MMU, data cache, stack alignment check, instruction cache. */
#define SCTLR (0x30C50830ULL | 1ULL << 0 | 1ULL << 2 | 1ULL << 3 | 1ULL << 12)

#define CPTR_NO_FP_TRAP 0x33FFULL
#define CNTHCTL_EL1_COUNTER_AND_TIMER 3ULL
#define PMCR_N_SHIFT 11U
#define PMCR_N_MASK 0x1FULL

/* HCR_EL2 while the monitor runs: physical interrupts and SErrors are taken to EL2; EL1 is AArch64. */
#define HCR_MONITOR (1ULL << 31 | 1ULL << 5 | 1ULL << 4 | 1ULL << 3)

/* HCRX_EL2, Arm ARM D19.2.49: exists with FEAT_HCX; lets EL1 and EL0 have the memory instructions of FEAT_MOPS. */
#define HCRX_EL2 s3_4_c1_c2_2
#define HCRX_MSCEN (1ULL << 11)
#define ID_AA64ISAR2_EL1 s3_0_c0_c6_2
#define ISAR2_MOPS_SHIFT 16U
#define MMFR1_HCX_SHIFT 40U

static uint64_t level1[GIBS] __attribute__((aligned(4096)));

extern const char monitor_vectors[];

void mmu_prepare(void)
{
	for (uint64_t gib = 0; gib < GIBS; gib++) {
		uint64_t block = gib << GIB_SHIFT | BLOCK_ACCESSED | BLOCK_AP1 | BLOCK_VALID;

		if (gib - PLAT_DRAM_FIRST_GIB < PLAT_DRAM_GIBS) {
			level1[gib] = block | BLOCK_NORMAL | BLOCK_INNER_SHAREABLE;
		} else {
			level1[gib] = block | BLOCK_EXECUTE_NEVER;
		}
	}
}

static void allow_extensions(void)
{
	bool memory_instructions = ((READ_SYSREG(ID_AA64ISAR2_EL1) >> ISAR2_MOPS_SHIFT) & 0xFU) != 0U;

	if (((READ_SYSREG(id_aa64mmfr1_el1) >> MMFR1_HCX_SHIFT) & 0xFU) != 0U) {
		WRITE_SYSREG(HCRX_EL2, memory_instructions ? HCRX_MSCEN : 0U);
	}
}

static void give_el1_its_freedom(void)
{
	WRITE_SYSREG(hcr_el2, HCR_MONITOR);
	WRITE_SYSREG(cptr_el2, CPTR_NO_FP_TRAP);
	WRITE_SYSREG(hstr_el2, 0U);
	WRITE_SYSREG(cnthctl_el2, CNTHCTL_EL1_COUNTER_AND_TIMER);
	WRITE_SYSREG(cntvoff_el2, 0U);
	WRITE_SYSREG(mdcr_el2, (READ_SYSREG(pmcr_el0) >> PMCR_N_SHIFT) & PMCR_N_MASK);
	WRITE_SYSREG(vpidr_el2, READ_SYSREG(midr_el1));
	WRITE_SYSREG(vmpidr_el2, READ_SYSREG(mpidr_el1));
	allow_extensions();
}

void mmu_enable(void)
{
	uint64_t range = READ_SYSREG(id_aa64mmfr0_el1) & 0xFU;

	give_el1_its_freedom();
	WRITE_SYSREG(vbar_el2, (uintptr_t)monitor_vectors);
	WRITE_SYSREG(mair_el2, MAIR);
	WRITE_SYSREG(tcr_el2, TCR | (range > PARANGE_48_BITS ? PARANGE_48_BITS : range) << TCR_PS_SHIFT);
	WRITE_SYSREG(ttbr0_el2, (uintptr_t)level1);
	__asm__ volatile("tlbi alle2\n\tdsb sy\n\tisb" ::: "memory");
	WRITE_SYSREG(sctlr_el2, SCTLR);
	isb();
}
