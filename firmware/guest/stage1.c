/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stage 1 of a vCPU of the guest agent: tables from the vCPU's own block of RAM, an ASID of its own, and mappings
 * as programs ask for them.
 */
#include "stage1.h"

#include <stddef.h>

#include "agent_abi.h"
#include "memory.h"
#include "sysreg.h"

/* Stage-1 page attributes, Arm ARM D8.3: nG, AP[2], AttrIndx (an index into MAIR_EL1), UXN and PXN. */
#define S1_NOT_GLOBAL (1ULL << 11)
#define S1_READ_ONLY (1ULL << 7)
#define S1_NORMAL (1ULL << 2)
#define S1_NEVER_EXECUTE (3ULL << 53)

/* Arm ARM, MAIR_EL1: attribute 0 is Device-nGnRnE, attribute 1 Normal Write-Back; S1_NORMAL selects 1. */
#define MAIR 0xFF00ULL

/* Arm ARM, TCR_EL1: T0SZ 25 (39 bits), walks write-back and inner shareable, 4 KiB granule, EPD1 (no TTBR1 walks). */
#define TCR (1ULL << 23 | 3ULL << 12 | 1ULL << 10 | 1ULL << 8 | 25ULL)
#define TCR_IPS_SHIFT 32U
#define PARANGE_48_BITS 5ULL /* ID_AA64MMFR0_EL1.PARange; larger values need FEAT_LPA */

/* Arm ARM, SCTLR_EL1: RES1 bits; M, C and I: MMU, data cache, instruction cache. */
#define SCTLR (0x30D00800ULL | 1ULL << 0 | 1ULL << 2 | 1ULL << 12)

#define TTBR_ASID_SHIFT 48U

/* Pages are never given back; all of them are free again when the agent starts afresh. */
static void *take(struct page_source *source)
{
	struct stage1 *stage1 = (struct stage1 *)(void *)source;
	struct pa page = stage1->next_page;

	if (stage1->pages_left == 0U) {
		return NULL;
	}
	stage1->pages_left--;
	stage1->next_page = pa_add(page, PAGE_BYTES);
	return memset(pa_pointer(page), 0, PAGE_BYTES);
}

/* By ASID, of which each vCPU has its own: the translations of other vCPUs stay in the TLBs. */
static void forget_translations(const struct stage1 *stage1)
{
	dsb_ish();
	__asm__ volatile("tlbi aside1is, %0" ::"r"(stage1->asid << TTBR_ASID_SHIFT) : "memory");
	dsb_ish();
	isb();
}

bool stage1_unmap(struct stage1 *stage1, struct va va, uint64_t bytes)
{
	enum map_status status = tables_unmap(&stage1->tables, va.value, bytes);

	forget_translations(stage1);
	return status == MAP_OK;
}

bool stage1_map(struct stage1 *stage1, struct va va, struct ipa ipa, uint64_t bytes, uint32_t attributes)
{
	uint64_t page = S1_NOT_GLOBAL | ((attributes & AGENT_MAP_WRITABLE) != 0U ? 0U : S1_READ_ONLY);
	enum map_status status;

	page |= (attributes & AGENT_MAP_DEVICE) != 0U ? S1_NEVER_EXECUTE : S1_NORMAL | PAGE_INNER_SHAREABLE;
	/* Break before make (Arm ARM D8.16.1): a page that is mapped must not change its address in one step. */
	if (!stage1_unmap(stage1, va, bytes)) {
		return false;
	}
	status = tables_map(&stage1->tables, va.value, ipa.value, bytes, page);
	dsb_ish();
	return status == MAP_OK;
}

void stage1_start(struct stage1 *stage1, struct pa tables, unsigned int vcpu, uint64_t ram_bytes)
{
	uint64_t range = READ_SYSREG(id_aa64mmfr0_el1) & 0xFU;
	uint64_t mapped = ram_bytes > GUEST_IDENTITY_BYTES ? GUEST_IDENTITY_BYTES : ram_bytes;

	*stage1 = (struct stage1){
		.source = {.take = take},
		.next_page = tables,
		.pages_left = GUEST_BLOCK_TABLE_PAGES,
		.asid = vcpu + 1UL,
	};
	stage1->tables = (struct page_tables){.source = &stage1->source, .root = take(&stage1->source)};
	(void)stage1_map(stage1, va_make(GUEST_RAM_IPA), ipa_make(GUEST_RAM_IPA), mapped, AGENT_MAP_WRITABLE);
	WRITE_SYSREG(mair_el1, MAIR);
	WRITE_SYSREG(tcr_el1, TCR | (range > PARANGE_48_BITS ? PARANGE_48_BITS : range) << TCR_IPS_SHIFT);
	WRITE_SYSREG(ttbr0_el1, stage1->asid << TTBR_ASID_SHIFT | (uintptr_t)stage1->tables.root);
	/* TLBs may hold translations of this VMID and ASID from before the agent last started. */
	__asm__ volatile("tlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
	WRITE_SYSREG(sctlr_el1, SCTLR);
	isb();
}
