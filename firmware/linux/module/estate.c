// SPDX-License-Identifier: BSD-3-Clause
/*
 * Persistent instances of VMs that are not running. A VM that has a name owns an estate; it claims it with its name,
 * takes instances out of it, and leaves them in it when it ends. An estate without instances and without a VM is freed.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "estate.h"

/* `lock` below guards `claimed` and the list. The instances belong to the VM that has claimed the estate. */
struct estate {
	struct list_head list;
	struct vtpm_name name;
	u64 vm_id;
	bool claimed;
	struct mutex lock; /* guards the instances, since a VM may take several at once */
	struct service_instance instances[VTPM_MAX_INDEX + 1];
};

static LIST_HEAD(estates);
static DEFINE_MUTEX(lock);

static struct estate *find(const struct vtpm_name *name)
{
	struct estate *estate;

	list_for_each_entry(estate, &estates, list)
	{
		if (memcmp(&estate->name, name, sizeof(*name)) == 0)
			return estate;
	}
	return NULL;
}

static struct estate *found(const struct vtpm_name *name, u64 vm_id)
{
	struct estate *estate = kzalloc(sizeof(*estate), GFP_KERNEL_ACCOUNT);

	if (estate == NULL)
		return ERR_PTR(-ENOMEM);
	estate->name = *name;
	estate->vm_id = vm_id;
	mutex_init(&estate->lock);
	list_add(&estate->list, &estates);
	return estate;
}

struct estate *estate_claim(const struct vtpm_name *name, u64 vm_id)
{
	struct estate *estate;

	if (memchr_inv(name, 0, sizeof(*name)) == NULL)
		return ERR_PTR(-EINVAL);
	mutex_lock(&lock);
	/* Found and claimed under one lock: two VMs with one name must not both get it. */
	estate = find(name);
	if (estate == NULL)
		estate = found(name, vm_id);
	else if (estate->claimed)
		estate = ERR_PTR(-EBUSY);
	if (!IS_ERR(estate))
		estate->claimed = true;
	mutex_unlock(&lock);
	return estate;
}

u64 estate_vm_id(const struct estate *estate)
{
	return estate->vm_id;
}

int estate_take(struct estate *estate, unsigned int index, struct service_instance *out)
{
	int error = -ENOENT;

	mutex_lock(&estate->lock);
	if (estate->instances[index].handle != 0) {
		*out = estate->instances[index];
		estate->instances[index].handle = 0;
		error = 0;
	}
	mutex_unlock(&estate->lock);
	return error;
}

void estate_leave(struct estate *estate, unsigned int index, const struct service_instance *service)
{
	mutex_lock(&estate->lock);
	estate->instances[index] = *service;
	mutex_unlock(&estate->lock);
}

static bool empty(const struct estate *estate)
{
	for (unsigned int index = 0; index < ARRAY_SIZE(estate->instances); index++) {
		if (estate->instances[index].handle != 0)
			return false;
	}
	return true;
}

void estate_release(struct estate *estate)
{
	mutex_lock(&lock);
	estate->claimed = false;
	if (empty(estate)) {
		list_del(&estate->list);
		kfree(estate);
	}
	mutex_unlock(&lock);
}

/* When the module is unloaded: no file is open any more, so nobody holds a lock. */
void estates_end(void)
{
	struct estate *estate, *next;

	list_for_each_entry_safe(estate, next, &estates, list)
	{
		for (unsigned int index = 0; index < ARRAY_SIZE(estate->instances); index++) {
			u64 handle = estate->instances[index].handle;
			int error = handle == 0 ? 0 : service_destroy(handle);

			if (error != 0)
				pr_err("vtpm: an instance stays behind: error %d\n", error);
		}
		kfree(estate);
	}
}
