/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual machines: a slice of RAM, stage-2 tables, a VMID, and vCPUs.
 */
#ifndef VM_H
#define VM_H

#include "address.h"
#include "pagetable.h"
#include "vcpu.h"

/* More than 8 bits of VMID can tell apart, and more than the service has instances: tests exhaust both. */
#define VM_MAX 320U

#define ESR_CLASSES 64U /* ESR_EL2.EC has six bits */

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

/*
 * Creates a VM with zeroed RAM at GUEST_RAM_IPA and an agent in each vCPU. `vmid` 0 chooses one. A VMID that another VM
 * has is allowed: a test must be able to make the mistakes that hypervisors make.
 */
enum vm_status vm_create(uint64_t ram_bytes, unsigned int vcpus, uint16_t vmid, struct vm **created);

/* Gives back all that the VM has. VM_BUSY, and nothing has changed, while one of its agents runs. */
enum vm_status vm_destroy(struct vm *vm);

/*
 * Maps whole pages of physical memory, whatever they are, and replaces what was mapped there. `attributes`: STAGE2_*.
 * After VM_NO_SPACE a part of the range may be mapped.
 */
enum vm_status vm_map(struct vm *vm, struct ipa ipa, struct pa pa, uint64_t bytes, uint32_t attributes);

/* Unmaps whole pages. When it returns, no CPU uses the old translations any more. */
enum vm_status vm_unmap(struct vm *vm, struct ipa ipa, uint64_t bytes);

/* Counts a synchronous exception of the guest; `class` is ESR_EL2.EC. */
void vm_count_trap(struct vm *vm, uint64_t class);

/* VMs are numbered from 1. vm_get() returns NULL if no VM has this number. */
struct vm *vm_get(uint64_t number);
uint64_t vm_number(const struct vm *vm);

/* Copies the agent's image to the start of the VM's RAM, ready to be executed with caches off. */
void vm_load_image(const struct vm *vm);

/*
 * On the CPU that runs a vCPU: turns stage 2 and the guest's traps on before the first entry, and off after the last.
 */
void vm_enter(const struct vm *vm);
void vm_leave(void);

#endif
