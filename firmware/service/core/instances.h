/* SPDX-License-Identifier: BSD-3-Clause */
/* The instance table (instances.c), its life cycle (lifecycle.c), and which instance serves whom (identity.c). */
#ifndef VTPM_INSTANCES_H
#define VTPM_INSTANCES_H

#include "state.h"

/* What CREATE asks for. */
struct vtpm_requirements {
	uint64_t vm_id;
	uint64_t flags;
	uint64_t slots;
	uint64_t index;
};

/* What BIND says. */
struct vtpm_binding {
	uint64_t vmid;
	uint64_t stage2_base;
	uint64_t epoch;
	uint64_t queue_ipa;
};

/*
 * The instance behind a handle, or behind index `index` of the calling guest, with its lock held: BAD_HANDLE,
 * NOT_PERMITTED, or BUSY when another CPU works on it. A claim ends with instance_release.
 */
vtpm_status instance_claim(uint64_t handle, struct vtpm_instance **out);
vtpm_status instance_claim_as_guest(const struct vtpm_caller *caller, uint64_t index, struct vtpm_instance **out);
void instance_release(struct vtpm_instance *instance);

/* Copies of one instance's entry, without its lock. */
vtpm_status instance_read(uint64_t handle, struct vtpm_instance *out);
vtpm_status instance_queue_of_guest(const struct vtpm_caller *caller, uint64_t index, struct pa *queue,
				    uint32_t *bytes);

uint64_t instance_handle(const struct vtpm_instance *instance);

/* All return a status and keep no lock. */
vtpm_status instance_create(const struct vtpm_requirements *wanted, uint64_t *handle, struct vtpm_instance *copy);
vtpm_status instance_bind(uint64_t handle, const struct vtpm_binding *binding);
vtpm_status instance_reset(uint64_t handle);
vtpm_status instance_destroy(uint64_t handle);

#endif
