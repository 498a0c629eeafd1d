/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands that a person can type: a look at memory, at VMs and at CPUs, and any SMC. `help` lists them.
 */
#include "agent_abi.h"
#include "codec.h"
#include "command.h"
#include "cpu.h"
#include "vm.h"

#define SMC_ARGUMENTS 18U   /* SMCCC 1.2 (Arm DEN0028), "Register use in AArch64 SMC and HVC calls": x0 to x17 */
#define LARGEST_DUMP 0x400U /* bytes: one screen, far from the size of a reply */
#define DUMP_COLUMNS 16U

void conduit_smc(uint64_t registers[31]);

static void pair(struct reply *reply, const char *name, uint64_t value)
{
	reply_text(reply, name);
	reply_hex(reply, value);
}

static void help(const struct words *words, struct reply *reply)
{
	(void)words;
	for (const struct command *command = human_commands; command->name != NULL; command++) {
		reply_text(reply, "\n  ");
		reply_text(reply, command->name);
		reply_text(reply, command->usage);
	}
	reply_text(reply, "\n  all numbers are hexadecimal");
}

static void smc(const struct words *words, struct reply *reply)
{
	uint64_t registers[31] = {0};

	if (words->count < 2U || words->count > SMC_ARGUMENTS + 1U) {
		reply_error(reply, "usage: smc <function> [x1 .. x17]");
		return;
	}
	if (!words_numbers(words, 1, words->count - 1U, registers, reply)) {
		return;
	}
	conduit_smc(registers);
	for (unsigned int i = 0; i < SMC_ARGUMENTS; i++) {
		pair(reply, (i % 6U) == 0U ? "\n  x" : " x", i);
		pair(reply, "=", registers[i]);
	}
}

static void read(const struct words *words, struct reply *reply)
{
	uint64_t range[2];

	if (!words_numbers(words, 1, 2, range, reply)) {
		return;
	}
	if (range[1] > LARGEST_DUMP) {
		reply_error(reply, "usage: at most 400 bytes at a time");
		return;
	}
	for (uint64_t i = 0; i < range[1]; i++) {
		/* Byte by byte, so that any address will do. One where nothing is ends in the command's guard. */
		uint8_t byte = *(const volatile uint8_t *)(uintptr_t)(range[0] + i);

		if ((i % DUMP_COLUMNS) == 0U) {
			pair(reply, "\n  ", range[0] + i);
			reply_text(reply, ":");
		}
		pair(reply, byte < 16U ? " 0" : " ", byte);
	}
}

static void write(const struct words *words, struct reply *reply)
{
	uint64_t store[2];

	if (words_numbers(words, 1, 2, store, reply)) {
		*(volatile uint64_t *)(uintptr_t)store[0] = store[1];
	}
}

static void vms(const struct words *words, struct reply *reply)
{
	(void)words;
	for (uint64_t number = 1; number <= VM_MAX; number++) {
		const struct vm *vm = vm_get(number);

		if (vm != NULL) {
			pair(reply, "\n  vm ", number);
			pair(reply, ": vmid ", vm->vmid);
			pair(reply, " vcpus ", vm->vcpus);
			pair(reply, " ram ", vm->ram.value);
			pair(reply, " bytes ", vm->ram_bytes);
			pair(reply, " stage2 ", (uintptr_t)vm->stage2.root);
			pair(reply, " traps ", vm->traps);
		}
	}
}

static void cpus(const struct words *words, struct reply *reply)
{
	(void)words;
	for (unsigned int i = 0; i < PLAT_CPUS; i++) {
		/* The job is read without order: the answer is out of date as soon as it is given. */
		const struct cpu *cpu = cpu_get(i);

		pair(reply, "\n  cpu ", i);
		reply_text(reply, cpu == NULL ? ": offline" : cpu->job != NULL ? ": busy" : ": idle");
	}
}

const struct command human_commands[] = {
	{"help", "\t\t\tthis list", help},
	{"smc", " <function> [x1 .. x17]\tcall EL3 from EL2", smc},
	{"read", " <address> <bytes>\tshow physical memory", read},
	{"write", " <address> <u64>\tchange physical memory", write},
	{"vm", "\t\t\tlist the virtual machines", vms},
	{"cpu", "\t\t\tlist the CPUs", cpus},
	{NULL, NULL, NULL},
};
