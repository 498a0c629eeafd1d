/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about VMs: create, destroy, map and unmap; whether their SMCs are trapped; and how often they came to EL2.
 */
#include "commands_machine.h"
#include "vm.h"

static void conclude(enum vm_status status, struct reply *reply)
{
	switch (status) {
	case VM_OK:
		break;
	case VM_BAD_ARGUMENT:
		reply_error(reply, "argument: unaligned or out of range");
		break;
	case VM_NO_SPACE:
		reply_error(reply, "space: no RAM, table page or VM number is left");
		break;
	case VM_BUSY:
		reply_error(reply, "busy: an agent of this VM is running");
		break;
	}
}

struct vm *vm_named(const struct words *words, struct reply *reply)
{
	uint64_t number;
	struct vm *vm;

	if (!words_numbers(words, 1, 1, &number, reply)) {
		return NULL;
	}
	vm = vm_get(number);
	if (vm == NULL) {
		reply_error(reply, "vm: there is no such VM");
	}
	return vm;
}

/* Reads `<vm> <number>...`. Returns NULL after it has written an error reply. */
static struct vm *vm_and(const struct words *words, unsigned int count, uint64_t *values, struct reply *reply)
{
	struct vm *vm = vm_named(words, reply);

	return vm != NULL && words_numbers(words, 2, count, values, reply) ? vm : NULL;
}

/* create <ram bytes> <vcpus> <vmid, or 0> -> number, vmid, stage-2 base, RAM's IPA, RAM's PA */
void request_create(const struct words *words, struct reply *reply)
{
	uint64_t asked[3];
	struct vm *vm;
	enum vm_status status;

	if (!words_numbers(words, 1, 3, asked, reply)) {
		return;
	}
	if (asked[1] > GUEST_MAX_VCPUS || asked[2] > UINT16_MAX) {
		conclude(VM_BAD_ARGUMENT, reply);
		return;
	}
	status = vm_create(asked[0], (unsigned int)asked[1], (uint16_t)asked[2], &vm);
	conclude(status, reply);
	if (status == VM_OK) {
		const uint64_t values[] = {vm_number(vm), vm->vmid, (uintptr_t)vm->stage2.root, GUEST_RAM_IPA,
					   vm->ram.value};

		reply_numbers(reply, values, 5);
	}
}

/* destroy <vm> */
void request_destroy(const struct words *words, struct reply *reply)
{
	struct vm *vm = vm_and(words, 0, NULL, reply);

	if (vm != NULL) {
		conclude(vm_destroy(vm), reply);
	}
}

/* map <vm> <ipa> <pa> <bytes> <attributes> */
void request_map(const struct words *words, struct reply *reply)
{
	uint64_t asked[4];
	struct vm *vm = vm_and(words, 4, asked, reply);

	if (vm != NULL) {
		conclude(vm_map(vm, ipa_make(asked[0]), pa_make(asked[1]), asked[2], (uint32_t)asked[3]), reply);
	}
}

/* unmap <vm> <ipa> <bytes> */
void request_unmap(const struct words *words, struct reply *reply)
{
	uint64_t asked[2];
	struct vm *vm = vm_and(words, 2, asked, reply);

	if (vm != NULL) {
		conclude(vm_unmap(vm, ipa_make(asked[0]), asked[1]), reply);
	}
}

/*
 * trap <vm> <0 or 1>: whether the guest's SMCs trap to EL2. It counts from the next program on, because HCR_EL2 is
 * written when a vCPU gets a CPU.
 */
void request_trap(const struct words *words, struct reply *reply)
{
	uint64_t on;
	struct vm *vm = vm_and(words, 1, &on, reply);

	if (vm != NULL) {
		vm->trap_smc = on != 0U;
	}
}

/* cacheable <vm> <0 or 1>: whether the guest runs with HCR_EL2.DC and without VM, from its next program on */
void request_cacheable(const struct words *words, struct reply *reply)
{
	uint64_t on;
	struct vm *vm = vm_and(words, 1, &on, reply);

	if (vm != NULL) {
		vm->default_cacheable = on != 0U;
	}
}

/* counters <vm> -> exceptions taken to EL2, how many of them were SMCs, interrupts */
void request_counters(const struct words *words, struct reply *reply)
{
	const struct vm *vm = vm_and(words, 0, NULL, reply);

	if (vm != NULL) {
		const uint64_t values[] = {vm->traps, vm->by_class[EC_SMC], vm->interrupts};

		reply_numbers(reply, values, 3);
	}
}

/*
 * classes <vm> -> for each exception class (ESR_EL2.EC) that occurred: the class, and how many synchronous exceptions
 */
void request_classes(const struct words *words, struct reply *reply)
{
	const struct vm *vm = vm_and(words, 0, NULL, reply);

	for (uint64_t class = 0; vm != NULL && class < ESR_CLASSES; class ++) {
		const uint64_t values[] = {class, vm->by_class[class]};

		if (values[1] != 0U) {
			reply_numbers(reply, values, 2);
		}
	}
}
