/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vectors longer than 128 bits. The engine has none: SVE and SME trap at S-EL0. But what it writes to Q0-Q31 zeroes the
 * rest of Z0-Z31; and since an exception level where SVE traps counts as one with vectors of 128 bits, a processor may
 * forget what is beyond 128 bits of a vector, and beyond 16 of a predicate, when it has been there (Arm DDI 0487,
 * ZCR_EL3.LEN and "Effective vector length"). So all of it is kept, at the longest length that TF-A gives the normal
 * world.
 *
 * ZA and ZT0 stay where they are, as they do when TF-A enters a secure OS: nothing below EL3 can read or write them,
 * nor switch them off, for CPTR_EL3.ESM and SCR_EL3.EnTP2 are 0.
 */
#include "vectors.h"

#include <stddef.h>

#include <arch_features.h>
#include <arch_helpers.h>

#include "vtpm_platform.h"

#if ENABLE_SVE_FOR_NS

/* What vectors_switch.S saves and loads. The length of the processor decides how much of `z` and `p` is in use. */
struct vector_state {
	uint8_t z[VECTOR_COUNT][VECTOR_BYTES];
	uint8_t p[PREDICATE_COUNT][PREDICATE_BYTES];
	uint8_t ffr[PREDICATE_BYTES];
	uint64_t fpcr;
	uint64_t fpsr;
	uint64_t svcr;
	uint64_t has;
} __attribute__((aligned(64)));

#define IS_AT(field, offset)                                                                                           \
	_Static_assert(offsetof(struct vector_state, field) == (offset), "vectors.h knows the state")

IS_AT(z, VECTORS_Z);
IS_AT(p, VECTORS_P);
IS_AT(ffr, VECTORS_FFR);
IS_AT(fpcr, VECTORS_FPCR);
IS_AT(fpsr, VECTORS_FPSR);
IS_AT(svcr, VECTORS_SVCR);
IS_AT(has, VECTORS_HAS);

static struct vector_state states[VTPM_WINDOW_COUNT];

void vectors_save(struct vector_state *state);
void vectors_load(struct vector_state *state);

static uint64_t what_there_is(void)
{
	uint64_t has = 0;

	if (is_feat_sme_supported()) {
		has |= UINT64_C(1) << VECTORS_SME;
		if (is_feat_sme_fa64_present()) {
			has |= UINT64_C(1) << VECTORS_FA64;
		}
	}
	return has;
}

void vectors_put_away(unsigned int window)
{
	if (is_feat_sve_supported()) {
		states[window].has = what_there_is();
		vectors_save(&states[window]);
	}
}

void vectors_give_back(unsigned int window)
{
	if (is_feat_sve_supported()) {
		vectors_load(&states[window]);
	}
}

#else

/* The platform's processors have neither. */
void vectors_put_away(unsigned int window)
{
	(void)window;
}

void vectors_give_back(unsigned int window)
{
	(void)window;
}

#endif
