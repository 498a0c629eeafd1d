/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the device tree is where BL31 can use it. The VideoCore chooses its place, after config.txt.
 */
#ifndef TREECHECK_H
#define TREECHECK_H

#include <stdbool.h>

/* False if the tree must not be touched: it is not there, or shares its memory with something else. Told once. */
bool treecheck_passed(void);

#endif
