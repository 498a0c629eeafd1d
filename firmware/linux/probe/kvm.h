/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest VM that can be: one processor, which reads and writes words of one memory slot on request.
 */
#ifndef PROBE_KVM_H
#define PROBE_KVM_H

#include <stdint.h>

/* Creates the VM, whose slot is `bytes` bytes at `memory` of this process. Returns 0, or -1 with errno. */
int kvm_make(uint64_t memory, uint64_t bytes);

/* Returns the word that the VM finds `offset` bytes into the slot, or -1 with errno. */
int64_t kvm_read(uint64_t offset);

/* Has the VM write a word, and returns what it finds there afterwards. */
int64_t kvm_write(uint64_t offset, uint32_t value);

#endif
