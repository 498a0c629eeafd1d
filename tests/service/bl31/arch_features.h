/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BL31's header of this name, as far as the entropy source needs it. Its two instructions mean nothing to the host's
 * assembler, which takes them for these macros; no promise draws from the CPU.
 */
#ifndef ARCH_FEATURES_H
#define ARCH_FEATURES_H

#include <stdbool.h>

__asm__(".macro mrs to, from\n.endm\n.macro cset to, condition\n.endm");

static inline bool is_feat_rng_present(void)
{
	return false;
}

#endif
