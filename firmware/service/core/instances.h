/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The instance table (instances.c), the life cycle of instances (lifecycle.c), and which VM each serves (identity.c).
 */
#ifndef VTPM_INSTANCES_H
#define VTPM_INSTANCES_H

#include "state.h"

/* The arguments of CREATE, unchecked. */
struct vtpm_requirements {
	uint64_t vm_id;
	uint64_t flags;
	uint64_t slots;
	uint64_t index;
};

/* The arguments of BIND, unchecked. */
struct vtpm_binding {
	uint64_t vmid;
	uint64_t stage2_base;
	uint64_t epoch;
	uint64_t queue_ipa;
};

/*
 * Claims the instance of a handle, or the one with index `index` of the calling guest: on VTPM_OK the caller holds its
 * lock until instance_release. VTPM_E_BAD_HANDLE or VTPM_E_NOT_PERMITTED: it does not exist; VTPM_E_BUSY: another CPU
 * works on it, or nobody does because that call is parked; VTPM_INTERRUPTED: an interrupt came while another CPU was
 * moving it out of its window. `*out` may be set in either case.
 */
vtpm_status instance_claim(uint64_t handle, struct vtpm_instance **out);
vtpm_status instance_claim_as_guest(const struct vtpm_caller *caller, uint64_t index, struct vtpm_instance **out);
/*
 * Return the number of an instance, or PORT_NO_INSTANCE: by its handle, as a guest names it, or by VM and index while
 * it is being created. Its lock may be somebody else's.
 */
uint32_t instance_number(uint64_t handle);
uint32_t instance_number_of_guest(const struct vtpm_caller *caller, uint64_t index);
uint32_t instance_number_of_vm(uint64_t vm_id, uint64_t place);

void instance_release(struct vtpm_instance *instance);

/*
 * Copies from an entry, under the table lock but without the instance's: fields marked I in state.h may be in motion.
 */
vtpm_status instance_read(uint64_t handle, struct vtpm_instance *out);
vtpm_status instance_queue_of_guest(const struct vtpm_caller *caller, uint64_t index, struct pa *queue,
				    uint32_t *bytes);

uint64_t instance_handle(const struct vtpm_instance *instance);

/* The calls of the same name. All claim the instance themselves and hold no lock when they return. */
vtpm_status instance_create(const struct vtpm_requirements *wanted, uint64_t *handle, struct vtpm_instance *copy);
vtpm_status instance_bind(uint64_t handle, const struct vtpm_binding *binding);
vtpm_status instance_reset(uint64_t handle);
vtpm_status instance_destroy(uint64_t handle);

#endif
