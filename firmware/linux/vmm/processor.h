/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processors of a Linux guest, a thread each.
 */
#ifndef VMM_PROCESSOR_H
#define VMM_PROCESSOR_H

#include "vm.h"

/* Exit status of the process when the guest asks for a restart. When it switches itself off, that is 0. */
#define EXIT_RESTART 2

/*
 * Creates all processors. The first will start at `entry`, with the device tree's address in x0; the others wait for
 * PSCI.
 */
void processors_create(struct vm *vm, uint64_t entry, uint64_t device_tree);

/* Starts them all. The process ends when the guest does. */
void processors_run(struct vm *vm);

#endif
