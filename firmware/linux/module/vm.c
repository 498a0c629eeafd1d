// SPDX-License-Identifier: BSD-3-Clause
/*
 * VMs, each an open file, and their instances by index. An instance is created, taken or destroyed under its `calls`,
 * which also keeps calls to EL3 about it apart.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/nospec.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "estate.h"
#include "vm.h"

static LIST_HEAD(vms);
static DEFINE_MUTEX(vms_lock);

/*
 * VM ids are never used twice while the machine runs, not even after the module was loaded again: they start at the
 * nanosecond of the first open, and VMs are created more slowly than nanoseconds pass.
 */
static atomic64_t last_id;

struct vm *vm_new(void)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (vm == NULL)
		return NULL;
	atomic64_cmpxchg(&last_id, 0, (s64)ktime_get_boottime_ns());
	vm->id = (u64)atomic64_inc_return(&last_id);
	mutex_init(&vm->identity);
	for (unsigned int index = 0; index < ARRAY_SIZE(vm->instances); index++) {
		mutex_init(&vm->instances[index].calls);
		mutex_init(&vm->instances[index].queue_lock);
	}
	mutex_lock(&vms_lock);
	list_add(&vm->list, &vms);
	mutex_unlock(&vms_lock);
	return vm;
}

void vm_end(struct vm *vm)
{
	mutex_lock(&vms_lock);
	list_del(&vm->list);
	mutex_unlock(&vms_lock);
	for (unsigned int index = 0; index < ARRAY_SIZE(vm->instances); index++) {
		const struct instance *instance = &vm->instances[index];
		u64 handle = instance->service.handle;
		int error = 0;

		if (handle != 0 && instance->persistent)
			estate_leave(vm->estate, index, &instance->service);
		else if (handle != 0)
			error = service_destroy(handle);
		if (error != 0)
			pr_err("vtpm: instance %u of VM %llu stays behind: error %d\n", index, vm->id, error);
	}
	if (vm->estate != NULL)
		estate_release(vm->estate);
	kfree(vm);
}

int vm_name(struct vm *vm, const struct vtpm_name *name)
{
	struct estate *estate;
	int error = 0;

	mutex_lock(&vm->identity);
	estate = vm->begun || vm->estate != NULL ? ERR_PTR(-EBUSY) : estate_claim(name, vm->id);
	if (IS_ERR(estate)) {
		error = (int)PTR_ERR(estate);
	} else {
		vm->estate = estate;
		vm->id = estate_vm_id(estate);
	}
	mutex_unlock(&vm->identity);
	return error;
}

/* From now on the VM cannot get a name any more: its instances have been created under the id that it has. */
static void begin(struct vm *vm)
{
	mutex_lock(&vm->identity);
	vm->begun = true;
	mutex_unlock(&vm->identity);
}

void vm_for_each_instance(void (*show)(void *context, u64 handle), void *context)
{
	struct vm *vm;

	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &vms, list)
	{
		for (unsigned int index = 0; index < ARRAY_SIZE(vm->instances); index++) {
			u64 handle = READ_ONCE(vm->instances[index].service.handle);

			if (handle != 0)
				show(context, handle);
		}
	}
	mutex_unlock(&vms_lock);
}

struct instance *vm_instance(struct vm *vm, u64 index)
{
	if (index >= ARRAY_SIZE(vm->instances))
		return NULL;
	/* The index comes from user space: no speculation beyond the array (Spectre variant 1). */
	return &vm->instances[array_index_nospec(index, ARRAY_SIZE(vm->instances))];
}

static void set_service(struct instance *instance, const struct service_instance *service)
{
	mutex_lock(&instance->queue_lock);
	instance->service = *service;
	mutex_unlock(&instance->queue_lock);
}

/* Fills in an instance that was created or taken. Under its `calls`. */
static void fill(struct instance *instance, const struct service_instance *service, struct vtpm_create *wanted)
{
	set_service(instance, service);
	instance->persistent = (wanted->requirements & VTPM_REQUIRE_PERSISTENT) != 0;
	wanted->queue_bytes = service->queue_bytes;
}

int instance_create(struct vm *vm, struct vtpm_create *wanted)
{
	struct instance *instance = vm_instance(vm, wanted->index);
	struct service_instance service;
	int error;

	if (instance == NULL)
		return -EINVAL;
	begin(vm);
	if ((wanted->requirements & VTPM_REQUIRE_PERSISTENT) != 0 && vm->estate == NULL)
		return -EOPNOTSUPP; /* nobody could ever take it again */
	if (mutex_lock_interruptible(&instance->calls) != 0)
		return -ERESTARTSYS;
	error = instance->service.handle != 0 ? -EEXIST : 0;
	if (error == 0)
		error = service_create(vm->id, wanted->requirements, wanted->slots, wanted->index, &service);
	if (error == 0)
		fill(instance, &service, wanted);
	mutex_unlock(&instance->calls);
	return error;
}

/*
 * An instance that was left behind counts as a TPM without power, so RESET starts it as power would. What the VMM needs
 * to know of it, EL3 is asked: it may have been created by another process.
 */
static int power_on(const struct service_instance *service, struct vtpm_create *wanted)
{
	struct vtpm_info info;
	int error = service_reset(service->handle);

	if (error == 0)
		error = service_info(service->handle, &info);
	if (error != 0)
		return error;
	wanted->requirements = info.requirements;
	wanted->slots = (u32)(info.queue_bytes / VTPM_PAGE_BYTES - 1);
	return 0;
}

int instance_take(struct vm *vm, struct vtpm_create *wanted)
{
	struct instance *instance = vm_instance(vm, wanted->index);
	struct service_instance service;
	int error;

	if (instance == NULL)
		return -EINVAL;
	begin(vm);
	if (mutex_lock_interruptible(&instance->calls) != 0)
		return -ERESTARTSYS;
	error = vm->estate == NULL ? -ENOENT : estate_take(vm->estate, wanted->index, &service);
	if (error == 0) {
		error = power_on(&service, wanted);
		if (error == 0)
			fill(instance, &service, wanted);
		else if (error == -EBADFD) /* its engine has failed: nothing is left of the TPM */
			service_destroy(service.handle);
		else
			estate_leave(vm->estate, wanted->index, &service);
	}
	mutex_unlock(&instance->calls);
	return error;
}

/* Starts a call about an instance, which ends with releasing `calls`. */
static int claim(struct instance *instance)
{
	if (mutex_lock_interruptible(&instance->calls) != 0)
		return -ERESTARTSYS;
	if (instance->service.handle != 0)
		return 0;
	mutex_unlock(&instance->calls);
	return -ENOENT;
}

int instance_place(struct instance *instance, struct ipa ipa)
{
	int error = claim(instance);

	if (error == 0) {
		error = service_place(instance->service.handle, ipa);
		mutex_unlock(&instance->calls);
	}
	return error;
}

int instance_info(struct instance *instance, struct vtpm_info *out)
{
	int error = claim(instance);

	if (error == 0) {
		error = service_info(instance->service.handle, out);
		mutex_unlock(&instance->calls);
	}
	return error;
}

static int about(struct instance *instance, int (*call)(u64 handle))
{
	int error = claim(instance);

	if (error == 0) {
		error = call(instance->service.handle);
		mutex_unlock(&instance->calls);
	}
	return error;
}

int instance_ring(struct instance *instance)
{
	return about(instance, service_forward);
}

int instance_reset(struct instance *instance)
{
	return about(instance, service_reset);
}

int instance_destroy(struct instance *instance, struct address_space *mapping)
{
	const struct service_instance none = {0};
	struct service_instance service;
	int error = claim(instance);

	if (error != 0)
		return error;
	service = instance->service;
	/*
	 * In this order: no page fault brings the queue back after it was unmapped, and all of it comes before EL3 may
	 * give the pages to another VM.
	 */
	set_service(instance, &none);
	queue_unmap(&service, mapping);
	error = service_destroy(service.handle);
	if (error != 0)
		set_service(instance, &service);
	mutex_unlock(&instance->calls);
	return error;
}
