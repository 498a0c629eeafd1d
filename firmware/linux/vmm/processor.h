/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processors of the machine, a thread each.
 */
#ifndef VMM_PROCESSOR_H
#define VMM_PROCESSOR_H

#include "vm.h"

/* Exit status of the process when the guest asked for a restart; 0 when it switched itself off. */
#define EXIT_RESTART 2

/* Creates all processors: the first starts at `entry`, with the device tree's address; the others wait for PSCI. */
void processors_create(struct vm *vm, uint64_t entry, uint64_t device_tree);

/* Lets them run; the process ends when the guest does. */
void processors_run(struct vm *vm);

#endif
