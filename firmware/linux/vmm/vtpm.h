/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's vTPM: an instance of the service at EL3, by way of the host's /dev/vtpm.
 */
#ifndef VMM_VTPM_H
#define VMM_VTPM_H

#include "vm.h"

/* Creates an instance with the requirements of CREATE in vtpm_abi.h; the guest finds its queue at QUEUE_ADDRESS. */
void vtpm_create(struct vm *vm, uint64_t requirements);

/* How large the queue is, in bytes; 0: the guest has no vTPM. */
size_t vtpm_queue_bytes(void);

/* The guest rang: executes what is in the queue. Returns what it gets in x0. */
uint64_t vtpm_doorbell(uint32_t function);

#endif
