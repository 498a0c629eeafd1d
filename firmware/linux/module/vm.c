// SPDX-License-Identifier: BSD-3-Clause
#include <linux/atomic.h>
#include <linux/nospec.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "vm.h"

/*
 * VM ids never come back while the machine runs, not even when the module is loaded again: they start at the nanosecond
 * of loading, and VMs are made more slowly than time passes.
 */
static atomic64_t last_id;

struct vm *vm_new(void)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (vm == NULL)
		return NULL;
	atomic64_cmpxchg(&last_id, 0, (s64)ktime_get_boottime_ns());
	vm->id = (u64)atomic64_inc_return(&last_id);
	for (unsigned int index = 0; index < ARRAY_SIZE(vm->instances); index++) {
		mutex_init(&vm->instances[index].calls);
		mutex_init(&vm->instances[index].queue_lock);
	}
	return vm;
}

void vm_end(struct vm *vm)
{
	for (unsigned int index = 0; index < ARRAY_SIZE(vm->instances); index++) {
		u64 handle = vm->instances[index].service.handle;
		int error = handle == 0 ? 0 : service_destroy(handle);

		if (error != 0)
			pr_err("vtpm: instance %u of VM %llu stays behind: error %d\n", index, vm->id, error);
	}
	kfree(vm);
}

struct instance *vm_instance(struct vm *vm, u64 index)
{
	if (index >= ARRAY_SIZE(vm->instances))
		return NULL;
	return &vm->instances[array_index_nospec(index, ARRAY_SIZE(vm->instances))];
}

static void set_service(struct instance *instance, const struct service_instance *service)
{
	mutex_lock(&instance->queue_lock);
	instance->service = *service;
	mutex_unlock(&instance->queue_lock);
}

int instance_create(struct vm *vm, struct vtpm_create *wanted)
{
	struct instance *instance = vm_instance(vm, wanted->index);
	struct service_instance service;
	int error;

	if (instance == NULL)
		return -EINVAL;
	if ((wanted->requirements & VTPM_REQUIRE_PERSISTENT) != 0)
		return -EOPNOTSUPP; /* nothing could save it before it is lost with the file */
	if (mutex_lock_interruptible(&instance->calls) != 0)
		return -ERESTARTSYS;
	error = instance->service.handle != 0 ? -EEXIST : 0;
	if (error == 0)
		error = service_create(vm->id, wanted->requirements, wanted->slots, wanted->index, &service);
	if (error == 0) {
		set_service(instance, &service);
		wanted->queue_bytes = service.queue_bytes;
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

int instance_place(struct instance *instance, u64 ipa)
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
	set_service(instance, &none);
	queue_unmap(&service, mapping);
	error = service_destroy(service.handle);
	if (error != 0)
		set_service(instance, &service);
	mutex_unlock(&instance->calls);
	return error;
}
