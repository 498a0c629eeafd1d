/* SPDX-License-Identifier: BSD-3-Clause */
/* The EL3 service's management calls. All return 0 or a negative errno. */
#ifndef VTPM_MODULE_SERVICE_H
#define VTPM_MODULE_SERVICE_H

#include <linux/types.h>

#include "address.h"
#include "vtpm_abi.h"
#include "vtpm_ioctl.h"

struct service_instance {
	u64 handle;
	phys_addr_t queue;
	u64 queue_bytes;
};

/* -ENODEV unless there is a service of a version that we know. */
int service_find(void);

int service_create(u64 vm_id, u64 requirements, u64 slots, u64 index, struct service_instance *out);
int service_place(u64 handle, struct ipa ipa);
int service_info(u64 handle, struct vtpm_info *out);
int service_forward(u64 handle);
int service_reset(u64 handle);
int service_destroy(u64 handle);

#endif
