/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages for the stage-2 tables of all VMs.
 */
#ifndef POOL_H
#define POOL_H

#include "pagetable.h"

extern struct page_source table_pool;

#endif
