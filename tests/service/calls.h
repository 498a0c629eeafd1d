/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls as hypervisor and guests make them, and a guest's side of the queue. */
#ifndef CALLS_H
#define CALLS_H

#include "host.h"

/* Calls that return their status; `answer`, if not NULL, takes x0-x7. */
int64_t call_from(const struct vtpm_caller *caller, uint64_t fid, const uint64_t arguments[7],
		  struct vtpm_answer *answer);
int64_t manage(uint64_t fid, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5,
	       struct vtpm_answer *answer);

struct vtpm_caller guest_of(uint16_t vmid, uint64_t base);
int64_t ring(const struct vtpm_caller *guest, uint64_t index);

struct instance {
	uint64_t handle;
	uint64_t queue;
	uint64_t bytes;
	uint32_t head;
};

int64_t create(uint64_t vm_id, uint64_t flags, uint64_t slots, uint64_t index, struct instance *out);
int64_t bind(const struct instance *instance, uint64_t vmid, uint64_t base, uint64_t epoch, uint64_t ipa);
int64_t forward(const struct instance *instance);
int64_t destroy(const struct instance *instance);
int64_t reset(struct instance *instance);

/* One register of what LIMITS and INFO answer. */
uint64_t limit(uint64_t selector, int x);
uint64_t info(const struct instance *instance, uint64_t selector, int x);

uint32_t control_read(const struct instance *instance, uint32_t offset);
void control_write(const struct instance *instance, uint32_t offset, uint32_t value);
uint8_t *slot_of(const struct instance *instance, uint32_t slot);
uint32_t entry_read(const struct instance *instance, uint32_t slot, uint32_t field);

/* Puts a command of `bytes` bytes with this code into the ring's next slot; the TPM header says `bytes`, too. */
uint32_t submit(struct instance *instance, uint32_t code, uint32_t bytes);

/* submit + FORWARD + what the toy engine answered. */
int64_t run(struct instance *instance, uint32_t code, struct toy_answer *answer);

#endif
