/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest agent: sets up its stage 1, then runs one program after the other. Between two programs the vCPU does not
 * run: it has left its CPU by an HVC, and the monitor (or the VMM) enters it again when a new program is in the
 * mailbox.
 */
#include "interpreter.h"
#include "stage1.h"
#include "sysreg.h"

void conduit_hvc(uint64_t registers[31]);
_Noreturn void guest_main(struct mailbox *box, unsigned int index, uint64_t ram_bytes);

extern const char guest_vectors[];

/* On the vCPU's own stack: several vCPUs run this image at once, and it has no writable data (guest.ld). */
struct guest {
	struct interpreter_host host; /* first: the hooks get a pointer to it */
	struct cpu_local cpu;
	struct stage1 stage1;
};

static bool map(const struct interpreter_host *host, struct va va, struct ipa ipa, uint64_t bytes, uint32_t attributes)
{
	return stage1_map(&((struct guest *)(uintptr_t)host)->stage1, va, ipa, bytes, attributes);
}

static bool unmap(const struct interpreter_host *host, struct va va, uint64_t bytes)
{
	return stage1_unmap(&((struct guest *)(uintptr_t)host)->stage1, va, bytes);
}

static void done(void)
{
	uint64_t registers[31] = {GUEST_HVC_DONE};

	conduit_hvc(registers);
}

_Noreturn void guest_main(struct mailbox *box, unsigned int index, uint64_t ram_bytes)
{
	struct guest guest = {.host = {.cpu = &guest.cpu, .level = 1, .map = map, .unmap = unmap}};

	WRITE_SYSREG(vbar_el1, (uintptr_t)guest_vectors);
	WRITE_SYSREG(tpidr_el1, (uintptr_t)&guest.cpu);
	stage1_start(&guest.stage1, pa_make((uintptr_t)box + GUEST_BLOCK_TABLES), index, ram_bytes);
	__asm__ volatile("msr daifclr, #4"); /* unmasks SError: it is reported against the program that caused it */
	for (;;) {
		interpreter_run(&guest.host, box);
		done();
	}
}
