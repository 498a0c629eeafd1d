/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual machines: a slice of RAM, stage-2 tables, a VMID, vCPUs.
 */
#ifndef VM_H
#define VM_H

#include "address.h"
#include "pagetable.h"
#include "vcpu.h"

#define VM_MAX 320U
#define ESR_CLASSES 64U

struct linux_guest;

struct vm {
	bool used;
	bool trap_smc;          /* HCR_EL2.TSC */
	bool default_cacheable; /* HCR_EL2.DC in place of HCR_EL2.VM */
	uint16_t vmid;
	unsigned int vcpus;
	struct page_tables stage2;
	struct pa ram;
	uint64_t ram_bytes;
	uint64_t traps;                  /* exceptions to EL2 that the guest caused, without the end of a request */
	uint64_t by_class[ESR_CLASSES];  /* of them, synchronous ones of each class (ESR_EL2.EC) */
	uint64_t interrupts;             /* interrupts that took the CPU away from the guest */
	struct linux_guest *linux_guest; /* NULL: the VM has agents */
	struct vcpu vcpu[GUEST_MAX_VCPUS];
};

enum vm_status {
	VM_OK,
	VM_BAD_ARGUMENT,
	VM_NO_SPACE,
	VM_BUSY, /* one of its agents is running */
};

/* `vmid` 0 chooses one. A VMID that another VM has is allowed: hypervisors make that mistake. */
enum vm_status vm_create(uint64_t ram_bytes, unsigned int vcpus, uint16_t vmid, struct vm **created);
enum vm_status vm_destroy(struct vm *vm);
enum vm_status vm_map(struct vm *vm, struct ipa ipa, struct pa pa, uint64_t bytes, uint32_t attributes);
enum vm_status vm_unmap(struct vm *vm, struct ipa ipa, uint64_t bytes);

void vm_count_trap(struct vm *vm, uint64_t class);

/* VMs are numbered from 1. NULL: there is none of this number. */
struct vm *vm_get(uint64_t number);
uint64_t vm_number(const struct vm *vm);

/* Puts the guest image into the VM's RAM. */
void vm_load_image(const struct vm *vm);

/* On the CPU that is about to run, or has just run, one of the VM's vCPUs. */
void vm_enter(const struct vm *vm);
void vm_leave(void);

#endif
