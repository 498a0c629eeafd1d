/* SPDX-License-Identifier: BSD-3-Clause */
/* The smallest VM there is: one processor that reads and writes words of one memory slot for us. */
#ifndef PROBE_KVM_H
#define PROBE_KVM_H

#include <stdint.h>

/* Makes the VM, whose slot is `bytes` bytes at `memory` of this process. 0, or -1 with errno. */
int kvm_make(uint64_t memory, uint64_t bytes);

/* What the VM finds `offset` bytes into the slot, or -1 with errno. */
int64_t kvm_read(uint64_t offset);

/* Lets the VM write there, and returns what it finds then. */
int64_t kvm_write(uint64_t offset, uint32_t value);

#endif
