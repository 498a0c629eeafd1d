/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which VM an instance serves: the VMID and stage-2 base that EL3 will find in VTTBR_EL2 when that VM rings.
 * Hypervisors reuse VMIDs, so an identity has one owner at a time, and an epoch that says which binding is the newer
 * one.
 */
#include "instances.h"
#include "queue.h"

/* Arm DDI 0487, VTTBR_EL2: the VMID has at most 16 bits. */
#define VMID_MAX 0xffff

/* A hypervisor that uses FORWARD has no identity to bind: it only says where the guest finds the queue. */
static bool names_identity(const struct vtpm_binding *binding)
{
	return binding->vmid != 0 || binding->stage2_base != 0 || binding->epoch != 0;
}

static vtpm_status identity_check(const struct vtpm_binding *binding)
{
	if (binding->vmid > VMID_MAX || binding->epoch == 0) {
		return VTPM_E_BAD_REQUIREMENT;
	}
	if (binding->stage2_base == 0 || !page_range_fits(binding->stage2_base, VTPM_PAGE_BYTES, ADDRESS_BITS)) {
		return VTPM_E_BAD_ADDRESS;
	}
	return VTPM_OK;
}

static vtpm_status binding_check(const struct vtpm_instance *instance, const struct vtpm_binding *binding)
{
	vtpm_status status = names_identity(binding) ? identity_check(binding) : VTPM_OK;

	if (status != VTPM_OK) {
		return status;
	}
	if (!page_range_fits(binding->queue_ipa, instance_queue_bytes(instance), ADDRESS_BITS)) {
		return VTPM_E_BAD_ADDRESS;
	}
	return instance->life == VTPM_LIVE ? VTPM_OK : VTPM_E_BAD_STATE;
}

static bool holds(const struct vtpm_instance *instance, const struct vtpm_binding *binding)
{
	return instance->life >= VTPM_LIVE && instance->bound && instance->vmid == binding->vmid &&
	       instance->stage2_base.value == binding->stage2_base;
}

/*
 * Under the table lock. An identity belongs to one VM at a time, and only a later epoch takes it from another one. All
 * owners are checked before the first is unbound, so that a refused call changes nothing.
 */
static vtpm_status take_identity(struct vtpm_instance *instance, const struct vtpm_binding *binding)
{
	struct vtpm_state *state = state_get();

	for (uint32_t number = 0; number < state->highest; number++) {
		const struct vtpm_instance *other = &state->instances[number];

		if (holds(other, binding) && other->vm_id != instance->vm_id && other->epoch >= binding->epoch) {
			return VTPM_E_STALE_EPOCH;
		}
	}
	for (uint32_t number = 0; number < state->highest; number++) {
		struct vtpm_instance *other = &state->instances[number];

		if (holds(other, binding) && other->vm_id != instance->vm_id) {
			other->bound = false;
		}
	}
	instance->bound = true;
	instance->vmid = (uint16_t)binding->vmid;
	instance->stage2_base = pa_make(binding->stage2_base);
	instance->epoch = binding->epoch;
	return VTPM_OK;
}

vtpm_status instance_bind(uint64_t handle, const struct vtpm_binding *binding)
{
	struct vtpm_state *state = state_get();
	struct vtpm_instance *instance;
	vtpm_status status = instance_claim(handle, &instance);

	if (status != VTPM_OK) {
		return status;
	}
	status = binding_check(instance, binding);
	if (status == VTPM_OK && names_identity(binding)) {
		table_lock(&state->table);
		status = take_identity(instance, binding);
		table_unlock(&state->table);
	}
	if (status == VTPM_OK) {
		instance->queue_ipa = ipa_make(binding->queue_ipa);
		queue_write_addresses(instance);
	}
	instance_release(instance);
	return status;
}
