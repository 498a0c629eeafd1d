/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What VMs with a name leave behind: their persistent instances, until a VM of that name takes them again. An estate
 * belongs to at most one VM at a time.
 */
#ifndef VTPM_MODULE_ESTATE_H
#define VTPM_MODULE_ESTATE_H

#include "service.h"
#include "vtpm_ioctl.h"

struct estate;

/*
 * Claims the estate of this name, a new one if it does not exist, for a VM that would otherwise have the id `vm_id`.
 * ERR_PTR(-EBUSY): another VM has it; -EINVAL: the name is all zero; -ENOMEM.
 */
struct estate *estate_claim(const struct vtpm_name *name, u64 vm_id);

/* Returns the id under which EL3 knows the VM of this estate: that of the first VM that claimed it. */
u64 estate_vm_id(const struct estate *estate);

/* Takes an instance out of a claimed estate, or puts one into it. -ENOENT: it has none with this index. */
int estate_take(struct estate *estate, unsigned int index, struct service_instance *out);
void estate_leave(struct estate *estate, unsigned int index, const struct service_instance *service);

/* Ends the claim. The estate may be gone afterwards. */
void estate_release(struct estate *estate);

/* Destroys all estates and their instances. */
void estates_end(void);

#endif
