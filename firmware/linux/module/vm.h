/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One VM, as an open file of /dev/vtpm: its instances by index.
 */
#ifndef VTPM_MODULE_VM_H
#define VTPM_MODULE_VM_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>

#include "service.h"
#include "vtpm_ioctl.h"

struct address_space;

/*
 * `calls` is held during calls to EL3, of which there is one at a time per instance. Page faults take `queue_lock`, so
 * it is never held during a call, or a copy from or to user space, which may fault. `service` changes under both; its
 * handle is 0 if the instance does not exist.
 */
struct instance {
	struct mutex calls;
	struct mutex queue_lock;
	struct service_instance service;
	bool persistent;
};

struct estate;

/* `identity` guards id, estate and begun. */
struct vm {
	struct list_head list;
	struct mutex identity;
	u64 id;
	struct estate *estate; /* NULL: it has no name */
	bool begun;            /* it may have instances, and cannot become another VM any more */
	struct instance instances[VTPM_MAX_INDEX + 1];
};

struct vm *vm_new(void);

/*
 * Destroys ephemeral instances, and leaves persistent ones to its name. Nobody uses the VM any more, and nothing of it
 * is mapped.
 */
void vm_end(struct vm *vm);

/* Returns NULL if no instance can have that index. */
struct instance *vm_instance(struct vm *vm, u64 index);

/* Gives the VM a name, and with it what was left behind under that name. -EBUSY: it has begun, or has a name. */
int vm_name(struct vm *vm, const struct vtpm_name *name);

/* Calls `show` for each instance that belongs to an open file. */
void vm_for_each_instance(void (*show)(void *context, u64 handle), void *context);

int instance_create(struct vm *vm, struct vtpm_create *wanted);
int instance_take(struct vm *vm, struct vtpm_create *wanted);
int instance_place(struct instance *instance, struct ipa ipa);
int instance_info(struct instance *instance, struct vtpm_info *out);
int instance_ring(struct instance *instance);
int instance_reset(struct instance *instance);

/* `mapping`: that of the file. Every address space loses the queue before EL3 may give it to another VM. */
int instance_destroy(struct instance *instance, struct address_space *mapping);

/* Maps a part of a queue, starting `offset` bytes into it, for pages to be faulted in. */
int queue_map(struct instance *instance, struct vm_area_struct *area, u64 offset);

/* Takes a queue out of every address space, those of VMs included. */
void queue_unmap(const struct service_instance *service, struct address_space *mapping);

#endif
