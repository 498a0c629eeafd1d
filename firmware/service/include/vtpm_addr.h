/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three kinds of address, three types: mixing them up does not compile.
 *
 *   struct pa   physical, as EL3 sees memory
 *   struct ipa  intermediate physical: what a VM takes for physical (output of stage 1, input of stage 2)
 *   struct va   virtual, in the address space of the caller of an SMC; never dereferenced at EL3
 */
#ifndef VTPM_ADDR_H
#define VTPM_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "vtpm_abi.h"

/* Arm DDI 0487, D8.1.4: without FEAT_LPA2 an output address has at most 48 bits. */
#define VTPM_ADDRESS_BITS 48

struct pa {
	uint64_t value;
};

struct ipa {
	uint64_t value;
};

struct va {
	uint64_t value;
};

static inline struct pa pa_make(uint64_t value)
{
	return (struct pa){value};
}

static inline struct pa pa_add(struct pa base, uint64_t bytes)
{
	return (struct pa){base.value + bytes};
}

static inline bool pa_equal(struct pa left, struct pa right)
{
	return left.value == right.value;
}

static inline struct ipa ipa_make(uint64_t value)
{
	return (struct ipa){value};
}

static inline struct va va_make(uint64_t value)
{
	return (struct va){value};
}

static inline struct va va_add(struct va base, uint64_t bytes)
{
	return (struct va){base.value + bytes};
}

/* True if [start, start + bytes) starts on a page and does not pass the end of a space of `bits` address bits. */
static inline bool vtpm_range_fits(uint64_t start, uint64_t bytes, unsigned int bits)
{
	uint64_t last = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;

	return start % VTPM_PAGE_BYTES == 0 && bytes != 0 && start <= last && bytes - 1 <= last - start;
}

#endif
