/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Physical, intermediate physical and virtual addresses as three types, so that mixing them up does not compile.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096U

struct pa {
	uint64_t value;
};

struct ipa {
	uint64_t value;
};

static inline struct pa pa_of(uint64_t value)
{
	return (struct pa){value};
}

static inline struct ipa ipa_of(uint64_t value)
{
	return (struct ipa){value};
}

/* Valid where physical memory is mapped one to one: in the monitor, and in a guest for its own RAM. */
static inline void *pa_pointer(struct pa pa)
{
	return (void *)(uintptr_t)pa.value;
}

static inline bool page_aligned(uint64_t value)
{
	return (value % PAGE_BYTES) == 0;
}

#endif
