/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The management calls of the service at EL3. All return 0 or a negative errno.
 */
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

/* -ENODEV unless EL3 has the service, in a major version that this module knows. */
int service_find(void);

int service_create(u64 vm_id, u64 requirements, u64 slots, u64 index, struct service_instance *out);
/* BIND with an IPA and without an identity: guests of KVM never ring themselves. */
int service_place(u64 handle, struct ipa ipa);
int service_info(u64 handle, struct vtpm_info *out);
int service_forward(u64 handle);
int service_reset(u64 handle);
int service_destroy(u64 handle);

#endif
