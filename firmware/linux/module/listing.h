/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /sys/kernel/debug/vtpm/instances, where debugfs is mounted: a line for each instance of a VM that is alive, with the
 * VM's id, the queue's physical address and bytes, requirements, and commands so far; all but the last two are
 * hexadecimal.
 */
#ifndef VTPM_MODULE_LISTING_H
#define VTPM_MODULE_LISTING_H

void listing_start(void);
void listing_stop(void);

#endif
