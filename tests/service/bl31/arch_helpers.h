/* SPDX-License-Identifier: BSD-3-Clause */
/* BL31's header of this name, as far as a driver needs it; time is a promise's own. */
#ifndef ARCH_HELPERS_H
#define ARCH_HELPERS_H

#include <stdint.h>

uint64_t read_cntpct_el0(void);
uint64_t read_cntfrq_el0(void);

#endif
