/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EL2's own translation, and what EL1 may do without a trap. One level of tables is enough: blocks of 1 GiB, mapped one
 * to one.
 */
#include "mmu.h"

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"
#include "sysreg.h"

#define GIB_SHIFT 30U
#define GIBS 512U /* entries of a table with a granule of 4 KiB */

/* Block descriptors: Arm ARM D8.3. AP[1] is RES1 in a regime with one privilege level, as EL2's is without VHE. */
#define BLOCK_VALID 1ULL
#define BLOCK_NORMAL (1ULL << 2)
#define BLOCK_AP1 (1ULL << 6)
#define BLOCK_INNER_SHAREABLE (3ULL << 8)
#define BLOCK_ACCESSED (1ULL << 10)
#define BLOCK_EXECUTE_NEVER (1ULL << 54)

/* Arm ARM, MAIR_EL2: attribute 0 is Device-nGnRnE, attribute 1 Normal Write-Back; BLOCK_NORMAL selects 1. */
#define MAIR 0xFF00ULL

/* TCR_EL2, Arm ARM D19.2.147: T0SZ 25 (39 bits), walks write-back and inner shareable, 4 KiB granule, RES1 bits. */
#define TCR (1ULL << 31 | 1ULL << 23 | 3ULL << 12 | 1ULL << 10 | 1ULL << 8 | 25ULL)
#define TCR_PS_SHIFT 16U
#define PARANGE_48_BITS 5ULL /* ID_AA64MMFR0_EL1.PARange; more needs FEAT_LPA, which these tables do not use */

/* SCTLR_EL2, Arm ARM D19.2.118: RES1 bits; MMU, data cache, stack alignment check, instruction cache. */
#define SCTLR (0x30C50830ULL | 1ULL << 0 | 1ULL << 2 | 1ULL << 3 | 1ULL << 12)

#define CPTR_NO_FP_TRAP 0x33FFULL          /* Arm ARM, CPTR_EL2 with HCR_EL2.E2H 0: the RES1 bits; TFP is 0 */
#define CPTR_TZ (1ULL << 8)                /* traps SVE; RES1 without it */
#define CPTR_TSM (1ULL << 12)              /* traps SME; RES1 without it */
#define CNTHCTL_EL1_COUNTER_AND_TIMER 3ULL /* Arm ARM, CNTHCTL_EL2: EL1PCEN and EL1PCTEN */
#define PMCR_N_SHIFT 11U                   /* Arm ARM, PMCR_EL0.N: how many event counters there are */
#define PMCR_N_MASK 0x1FULL

/* HCR_EL2 while the monitor runs: RW, EL1 is AArch64; AMO, IMO and FMO, SErrors and interrupts are taken to EL2. */
#define HCR_MONITOR (1ULL << 31 | 1ULL << 5 | 1ULL << 4 | 1ULL << 3)

/* HCRX_EL2, Arm ARM D19.2.49: exists with FEAT_HCX; lets EL1 and EL0 have the memory instructions of FEAT_MOPS. */
#define HCRX_EL2 s3_4_c1_c2_2
#define HCRX_MSCEN (1ULL << 11)
#define ID_AA64ISAR2_EL1 s3_0_c0_c6_2
#define ISAR2_MOPS_SHIFT 16U
#define MMFR1_HCX_SHIFT 40U

/* Arm ARM: FEAT_SVE and FEAT_SME, and the longest vectors that EL2 lets EL1 have: as long as the processor's. */
#define PFR0_SVE_SHIFT 32U
#define ID_AA64PFR1_EL1 s3_0_c0_c4_1
#define PFR1_SME_SHIFT 24U
#define ZCR_EL2 s3_4_c1_c2_0
#define SMCR_EL2 s3_4_c1_c2_6
#define ZCR_LONGEST 0xFULL
#define SMCR_LONGEST_ALL (1ULL << 31 | 1ULL << 30 | 0xFULL) /* with FA64 and ZT0, where they exist */

static uint64_t level1[GIBS] __attribute__((aligned(4096)));

extern const char monitor_vectors[];

/*
 * DRAM is Normal memory. Everything else is Device memory that cannot be executed, so that a program that touches an
 * address where nothing is gets the bus's own answer, and no speculative access goes there.
 */
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

/*
 * FEAT_MOPS needs EL2's consent. Linux uses these instructions when the CPU has them, and its guests are not told
 * otherwise.
 */
static void allow_extensions(void)
{
	bool memory_instructions = ((READ_SYSREG(ID_AA64ISAR2_EL1) >> ISAR2_MOPS_SHIFT) & 0xFU) != 0U;

	if (((READ_SYSREG(id_aa64mmfr1_el1) >> MMFR1_HCX_SHIFT) & 0xFU) != 0U) {
		WRITE_SYSREG(HCRX_EL2, memory_instructions ? HCRX_MSCEN : 0U);
	}
}

static bool has_feature(uint64_t identification, unsigned int shift)
{
	return ((identification >> shift) & 0xFU) != 0U;
}

/* Their registers exist, and can be written, only when they do not trap any more. */
static void allow_vectors(void)
{
	uint64_t cptr = CPTR_NO_FP_TRAP;
	bool sve = has_feature(READ_SYSREG(id_aa64pfr0_el1), PFR0_SVE_SHIFT);
	bool sme = has_feature(READ_SYSREG(ID_AA64PFR1_EL1), PFR1_SME_SHIFT);

	if (sve) {
		cptr &= ~CPTR_TZ;
	}
	if (sme) {
		cptr &= ~CPTR_TSM;
	}
	WRITE_SYSREG(cptr_el2, cptr);
	isb();
	if (sve) {
		WRITE_SYSREG(ZCR_EL2, ZCR_LONGEST);
	}
	if (sme) {
		WRITE_SYSREG(SMCR_EL2, SMCR_LONGEST_ALL);
	}
}

/*
 * Turns off every trap of EL1 that is optional: what a test wants trapped, it asks for (`trap`), and everything else
 * must be as on a machine without a hypervisor. All event counters belong to EL1 (MDCR_EL2.HPMN), and it sees the real
 * CPU's identification.
 */
static void configure_el1(void)
{
	WRITE_SYSREG(hcr_el2, HCR_MONITOR);
	allow_vectors();
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

	configure_el1();
	WRITE_SYSREG(vbar_el2, (uintptr_t)monitor_vectors);
	WRITE_SYSREG(mair_el2, MAIR);
	WRITE_SYSREG(tcr_el2, TCR | (range > PARANGE_48_BITS ? PARANGE_48_BITS : range) << TCR_PS_SHIFT);
	WRITE_SYSREG(ttbr0_el2, (uintptr_t)level1);
	__asm__ volatile("tlbi alle2\n\tdsb sy\n\tisb" ::: "memory"); /* what a TLB holds after reset is unknown */
	WRITE_SYSREG(sctlr_el2, SCTLR);
	isb();
}
