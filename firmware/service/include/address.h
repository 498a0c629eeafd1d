/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses as types, for all C of the firmware that meets more than one kind of them.
 *
 * Physical, intermediate physical and virtual addresses are all 64-bit numbers, and code that takes one for another
 * works as long as memory is mapped one to one. So each kind is a struct of its own, and mixing them up does not
 * compile. It costs nothing: AAPCS64 ("Parameter passing") puts such a struct in a register, like the number in it.
 *
 *   struct pa   physical: the output of the last stage of translation, what goes out on the bus
 *   struct ipa  intermediate physical: the output of stage 1 and the input of stage 2, what a VM takes for physical
 *   struct va   virtual: the input of stage 1; the user says in whose address space
 *
 * The terms are those of the Arm Architecture Reference Manual (DDI 0487), "Address translation". A number from a
 * register, a request or a table gets a type where it is known what it is, and `.value` gives the number back. No
 * function here checks what it is given, unless it says so.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

/* The translation granule of all our tables: 4 KiB (Arm DDI 0487, "Translation granules"). */
#define PAGE_BYTES 4096U

/* Arm DDI 0487, D8.1.4: without FEAT_LPA2 an output address has at most 48 bits. */
#define ADDRESS_BITS 48U

struct pa {
	uint64_t value;
};

struct ipa {
	uint64_t value;
};

struct va {
	uint64_t value;
};

/* Gives a number that is known to be a physical address its type. */
static inline struct pa pa_make(uint64_t value)
{
	return (struct pa){value};
}

/* Returns the address `bytes` further on. The caller keeps the sum inside the address space. */
static inline struct pa pa_add(struct pa base, uint64_t bytes)
{
	return (struct pa){base.value + bytes};
}

static inline bool pa_equal(struct pa left, struct pa right)
{
	return left.value == right.value;
}

/*
 * Returns a pointer to physical memory. It is good only where that memory is mapped at its own address: in the monitor,
 * in our guest agent for its RAM (whose IPA it takes for the PA), and in BL31 for the service's pools.
 */
static inline void *pa_pointer(struct pa pa)
{
	return (void *)(uintptr_t)pa.value;
}

/* Gives a number that is known to be an intermediate physical address its type. */
static inline struct ipa ipa_make(uint64_t value)
{
	return (struct ipa){value};
}

/* Gives a number that is known to be a virtual address its type. */
static inline struct va va_make(uint64_t value)
{
	return (struct va){value};
}

/* Returns the address `bytes` further on. The caller keeps the sum inside the address space. */
static inline struct va va_add(struct va base, uint64_t bytes)
{
	return (struct va){base.value + bytes};
}

/* Returns a pointer to memory that the running code itself has mapped at `va`. Never for an address of somebody else's.
 */
static inline void *va_pointer(struct va va)
{
	return (void *)(uintptr_t)va.value;
}

/* True if `value` is a multiple of PAGE_BYTES: an address at which a page starts, or the size of whole pages. */
static inline bool page_aligned(uint64_t value)
{
	return value % PAGE_BYTES == 0;
}

/*
 * True if [start, start + bytes) starts on a page, is not empty, and does not pass the end of a space of `bits` address
 * bits. No argument makes it overflow.
 */
static inline bool page_range_fits(uint64_t start, uint64_t bytes, unsigned int bits)
{
	uint64_t last = bits < 64 ? ((uint64_t)1 << bits) - 1 : ~(uint64_t)0;

	return page_aligned(start) && bytes != 0 && start <= last && bytes - 1 <= last - start;
}

#endif
