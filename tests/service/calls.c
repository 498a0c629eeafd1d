/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls as hypervisors and guests make them, and a guest's side of the queue.
 */
#include <assert.h>
#include <string.h>

#include "calls.h"

int64_t call_from(const struct vtpm_caller *caller, uint64_t fid, const uint64_t arguments[7],
		  struct vtpm_answer *answer)
{
	struct vtpm_call call = {.x = {fid}, .caller = *caller};
	struct vtpm_answer discarded = {0};
	struct vtpm_answer *out = answer != NULL ? answer : &discarded;

	memcpy(&call.x[1], arguments, 7 * sizeof(arguments[0]));
	memset(out, 0xa5, sizeof(*out));
	host_watch_reads();
	while (!vtpm_dispatch(&call, out)) {
		seen.repeats++;
		host_watch_reads();
		memset(out, 0xa5, sizeof(*out));
	}
	return (int64_t)out->x[0];
}

int64_t manage(uint64_t fid, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5,
	       struct vtpm_answer *answer)
{
	const struct vtpm_caller hypervisor = {.origin = VTPM_FROM_HYPERVISOR};
	const uint64_t arguments[7] = {x1, x2, x3, x4, x5};

	return call_from(&hypervisor, fid, arguments, answer);
}

struct vtpm_caller guest_of(uint16_t vmid, uint64_t base)
{
	return (struct vtpm_caller){VTPM_FROM_GUEST, vmid, pa_make(base)};
}

int64_t ring(const struct vtpm_caller *guest, uint64_t index)
{
	const uint64_t arguments[7] = {0};

	return call_from(guest, VTPM_FID_DOORBELL + index, arguments, NULL);
}

int64_t create(uint64_t vm_id, uint64_t flags, uint64_t slots, uint64_t index, struct instance *out)
{
	struct vtpm_answer answer;
	int64_t status = manage(VTPM_FID_CREATE, vm_id, flags, slots, index, 0, &answer);

	*out = (struct instance){answer.x[1], answer.x[2], answer.x[3], 0};
	return status;
}

int64_t bind(const struct instance *instance, uint64_t vmid, uint64_t base, uint64_t epoch, uint64_t ipa)
{
	return manage(VTPM_FID_BIND, instance->handle, vmid, base, epoch, ipa, NULL);
}

int64_t forward(const struct instance *instance)
{
	return manage(VTPM_FID_FORWARD, instance->handle, 0, 0, 0, 0, NULL);
}

int64_t destroy(const struct instance *instance)
{
	return manage(VTPM_FID_DESTROY, instance->handle, 0, 0, 0, 0, NULL);
}

int64_t reset(struct instance *instance)
{
	instance->head = 0;
	return manage(VTPM_FID_RESET, instance->handle, 0, 0, 0, 0, NULL);
}

uint64_t limit(uint64_t selector, int x)
{
	struct vtpm_answer answer;
	int64_t status = manage(VTPM_FID_LIMITS, selector, 0, 0, 0, 0, &answer);

	assert(status == VTPM_OK);
	return answer.x[x];
}

uint64_t info(const struct instance *instance, uint64_t selector, int x)
{
	struct vtpm_answer answer;
	int64_t status = manage(VTPM_FID_INFO, instance->handle, selector, 0, 0, 0, &answer);

	assert(status == VTPM_OK);
	return answer.x[x];
}

uint32_t control_read(const struct instance *instance, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, host_queue(instance->queue + offset), sizeof(value));
	return value;
}

void control_write(const struct instance *instance, uint32_t offset, uint32_t value)
{
	memcpy(host_queue(instance->queue + offset), &value, sizeof(value));
}

uint8_t *slot_of(const struct instance *instance, uint32_t slot)
{
	return host_queue(instance->queue + VTPM_PAGE_BYTES + slot * VTPM_SLOT_BYTES);
}

static uint32_t entry_offset(uint32_t slot, uint32_t field)
{
	return VTPM_RING_ENTRIES + slot * VTPM_RING_ENTRY_BYTES + field;
}

uint32_t entry_read(const struct instance *instance, uint32_t slot, uint32_t field)
{
	return control_read(instance, entry_offset(slot, field));
}

static void put_big_endian(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
}

uint32_t submit(struct instance *instance, uint32_t code, uint32_t bytes)
{
	uint32_t slots = (uint32_t)(instance->bytes / VTPM_PAGE_BYTES) - 1;
	uint32_t slot = instance->head % slots;
	uint8_t *command = slot_of(instance, slot);

	command[0] = VTPM_TPM_TAG_NO_SESSIONS >> 8;
	command[1] = VTPM_TPM_TAG_NO_SESSIONS & 0xff;
	put_big_endian(command + 2, bytes);
	put_big_endian(command + 6, code);
	control_write(instance, entry_offset(slot, VTPM_ENTRY_LENGTH), bytes);
	control_write(instance, entry_offset(slot, VTPM_ENTRY_STATE), VTPM_SLOT_SUBMITTED);
	control_write(instance, VTPM_RING_HEAD, ++instance->head);
	return slot;
}

int64_t run(struct instance *instance, uint32_t code, struct toy_answer *answer)
{
	uint32_t slot = submit(instance, code, VTPM_TPM_HEADER_BYTES);
	int64_t status = forward(instance);

	memcpy(answer, slot_of(instance, slot) + VTPM_TPM_HEADER_BYTES, sizeof(*answer));
	return status;
}
