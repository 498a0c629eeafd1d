/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's vTPMs: instances of the service at EL3, by way of the host's /dev/vtpm, known by their index within the
 * VM. Functions return VTPM_OK, or the status of vtpm_abi.h that the host's errno stands for; errno is as they have
 * left it.
 */
#ifndef VMM_VTPM_H
#define VMM_VTPM_H

#include "vm.h"

struct vtpm_info;

/* Opens /dev/vtpm. From now on KVM forwards the guest's doorbells. Before any processor runs. */
void vtpm_open(struct vm *vm);

/* Names the VM: 32 hexadecimal digits that nobody else knows, with dashes or without. Before it has instances. */
void vtpm_name(const char *uuid);

/* Takes the instance that the VM of this name has left behind. VTPM_E_BAD_HANDLE: it has left none. */
int64_t vtpm_take(uint32_t index, struct ipa ipa);

/* Creates an instance with the requirements of CREATE in vtpm_abi.h; the guest finds its queue at `ipa`. */
int64_t vtpm_create(uint32_t index, uint32_t slots, uint64_t requirements, struct ipa ipa);

/* Moves the queue within the guest's physical address space; 0: removes it from there. */
int64_t vtpm_place(uint32_t index, struct ipa ipa);

/* The calls RESET, DESTROY and INFO. */
int64_t vtpm_reset(uint32_t index);
int64_t vtpm_destroy(uint32_t index);
int64_t vtpm_info(uint32_t index, struct vtpm_info *info);

/* Return how large the queue is, and where this process has it; 0 and NULL if the instance does not exist. */
size_t vtpm_queue_bytes(uint32_t index);
const void *vtpm_queue(uint32_t index);

/* For a doorbell of the guest: has the queue processed. Returns what the guest gets in x0. On any thread. */
int64_t vtpm_doorbell(uint32_t function);

#endif
