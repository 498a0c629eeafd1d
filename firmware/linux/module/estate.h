/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What VMs with a name leave behind: their persistent instances, until a VM of that name takes them again. Each belongs
 * to at most one VM at a time.
 */
#ifndef VTPM_MODULE_ESTATE_H
#define VTPM_MODULE_ESTATE_H

#include "service.h"
#include "vtpm_ioctl.h"

struct estate;

/*
 * The estate of this name, a new one if there is none, for a VM that would otherwise have the id `vm_id`. ERR_PTR:
 * -EBUSY if another VM has it, -EINVAL if it is no name, -ENOMEM.
 */
struct estate *estate_claim(const struct vtpm_name *name, u64 vm_id);

/* The id under which EL3 knows the VM of this estate. */
u64 estate_vm_id(const struct estate *estate);

/* Takes an instance out of an estate that was claimed, or puts it there. -ENOENT: there is none. */
int estate_take(struct estate *estate, unsigned int index, struct service_instance *out);
void estate_leave(struct estate *estate, unsigned int index, const struct service_instance *service);

/* Its VM has ended. */
void estate_release(struct estate *estate);

/* Destroys what all VMs have left behind. */
void estates_end(void);

#endif
