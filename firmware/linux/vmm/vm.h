/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtual machine: KVM's file descriptors, memory and interrupts.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "guest_map.h"
#include "machine.h"

#define MAX_CPUS 8

struct vm {
	int kvm;
	int fd;
	int gic_device;
	enum gic_version gic;
	uint8_t *ram;
	size_t ram_bytes;
	unsigned int cpus;
};

/* Creates a machine with RAM and no processors. */
void vm_create(struct vm *vm, size_t ram_bytes, unsigned int cpus);

/*
 * Maps memory of this process into the guest's physical address space, as memory slot `slot`; with 0 bytes, removes the
 * slot. Returns 0, or -1 with errno.
 */
int vm_map(const struct vm *vm, uint32_t slot, struct ipa ipa, void *memory, size_t bytes);

/* Creates the interrupt controller: version 3 where the host has it, else 2. Before any processor is created. */
void vm_create_gic(struct vm *vm);

/* After all processors have been created. */
void vm_start_gic(struct vm *vm);

/* Drives a level-sensitive interrupt. On any thread. */
void vm_interrupt(struct vm *vm, uint32_t interrupt, bool level);

/* Lets KVM hand the guest's SMCs and HVCs of `count` function identifiers to this process. Before any runs. */
void vm_forward_calls(struct vm *vm, uint32_t first, uint32_t count);

/* Returns the guest's memory from `ipa` on, or NULL unless all of the bytes are its RAM. */
void *vm_memory(const struct vm *vm, struct ipa ipa, size_t bytes);

#endif
