// SPDX-License-Identifier: BSD-3-Clause
/*
 * Queues in address spaces. The pages are reserved memory that the kernel does not map. EL3 accesses them uncached, so
 * user space gets them as Normal Non-cacheable, and KVM makes Device memory of pages that the kernel does not map.
 *
 * Pages enter an address space by page fault only, and only while their instance lives. The offset of an area is the
 * queue's page frame number, so that unmap_mapping_range() finds the queue in every address space when its instance
 * ends.
 */
#include <linux/mm.h>

#include "vm.h"

static bool area_valid(const struct vm_area_struct *area)
{
	return (area->vm_flags & VM_SHARED) != 0 && (area->vm_flags & VM_EXEC) == 0;
}

static vm_fault_t fault(struct vm_fault *fault)
{
	struct instance *instance = fault->vma->vm_private_data;
	unsigned long first;
	vm_fault_t result = VM_FAULT_SIGBUS;

	mutex_lock(&instance->queue_lock);
	first = PHYS_PFN(instance->service.queue);
	if (fault->pgoff >= first && fault->pgoff - first < PHYS_PFN(instance->service.queue_bytes))
		result = vmf_insert_pfn(fault->vma, fault->address, fault->pgoff);
	mutex_unlock(&instance->queue_lock);
	return result;
}

static const struct vm_operations_struct operations = {.fault = fault};

int queue_map(struct instance *instance, struct vm_area_struct *area, u64 offset)
{
	u64 bytes = area->vm_end - area->vm_start;
	int error = 0;

	if (!area_valid(area))
		return -EACCES;
	mutex_lock(&instance->queue_lock);
	if (instance->service.handle == 0)
		error = -ENOENT;
	else if (offset > instance->service.queue_bytes || bytes > instance->service.queue_bytes - offset)
		error = -EINVAL;
	else
		area->vm_pgoff = PHYS_PFN(instance->service.queue + offset);
	mutex_unlock(&instance->queue_lock);
	if (error != 0)
		return error;
	/* Not to grow by `mremap`, not in a core dump, and never made executable by `mprotect`. */
	vm_flags_mod(area, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	area->vm_page_prot = pgprot_writecombine(area->vm_page_prot);
	area->vm_private_data = instance;
	area->vm_ops = &operations;
	return 0;
}

void queue_unmap(const struct service_instance *service, struct address_space *mapping)
{
	unmap_mapping_range(mapping, (loff_t)service->queue, (loff_t)service->queue_bytes, 1);
}
