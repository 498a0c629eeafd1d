/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vCPU's own virtual address space. It begins with the VM's RAM at VA = IPA; programs map the rest.
 */
#ifndef STAGE1_H
#define STAGE1_H

#include "address.h"
#include "pagetable.h"

struct stage1 {
	struct page_source source; /* first: the source's functions get a pointer to it */
	struct page_tables tables;
	struct pa next_page;
	uint64_t pages_left;
	uint64_t asid;
};

/*
 * Builds the tables and turns the MMU on. `tables`: GUEST_BLOCK_TABLE_PAGES pages, which the guest takes for physical.
 */
void stage1_start(struct stage1 *stage1, struct pa tables, unsigned int vcpu, uint64_t ram_bytes);

/* Maps whole pages and replaces what was mapped there. `attributes`: AGENT_MAP_*. False: malformed, or no page left. */
bool stage1_map(struct stage1 *stage1, struct va va, struct ipa ipa, uint64_t bytes, uint32_t attributes);

/* Unmaps whole pages, on all CPUs when it returns. */
bool stage1_unmap(struct stage1 *stage1, struct va va, uint64_t bytes);

#endif
