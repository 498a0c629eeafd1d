/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs one Linux guest under KVM, with a vTPM of its own if asked for. Standard input and output are the guest's
 * console hvc0; what its kernel says goes to standard error. Ends with the guest, with who talks to it, and on SIGTERM.
 * Or runs our agents: then standard input and output are a dialogue with them.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent.h"
#include "agent_shell.h"
#include "boot.h"
#include "console.h"
#include "failure.h"
#include "processor.h"
#include "signals.h"
#include "vm.h"
#include "vtpm.h"
#include "vtpm_abi.h"

#define MEBIBYTE (1u << 20)
#define MIN_MEMORY 64u
#define MAX_MEMORY 2048u
#define INDEX 0u /* of the vTPM among those of the VM */

struct options {
	struct boot boot;
	const char *agent; /* an image of firmware/guest, to run instead of Linux */
	uint32_t memory;   /* MiB */
	uint32_t cpus;
	uint32_t requirements;
	int vtpm;
};

static const char usage[] = "usage: vmm --kernel IMAGE --initrd CPIO [--append ARGUMENTS] [--memory MIB] [--cpus N]\n"
			    "           [--vtpm [--requirements BITS]]\n"
			    "       vmm --agent IMAGE [--memory MIB] [--cpus N]\n";

static uint32_t number(const char *text, uint32_t low, uint32_t high)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*text == '\0' || *end != '\0' || value < low || value > high)
		refuse("%s is not a number from %u to %u", text, low, high);
	return (uint32_t)value;
}

static struct options parse(int count, char **words)
{
	struct options options = {.boot.arguments = "", .memory = 256, .cpus = 1};
	const struct option known[] = {
		{"kernel", required_argument, NULL, 'k'},
		{"initrd", required_argument, NULL, 'i'},
		{"append", required_argument, NULL, 'a'},
		{"memory", required_argument, NULL, 'm'},
		{"cpus", required_argument, NULL, 'c'},
		{"requirements", required_argument, NULL, 'r'},
		{"agent", required_argument, NULL, 'g'},
		{"vtpm", no_argument, &options.vtpm, 1},
		{0},
	};
	int option;

	while ((option = getopt_long(count, words, "", known, NULL)) != -1) {
		switch (option) {
		case 'k':
			options.boot.kernel = optarg;
			break;
		case 'i':
			options.boot.initrd = optarg;
			break;
		case 'a':
			options.boot.arguments = optarg;
			break;
		case 'g':
			options.agent = optarg;
			break;
		case 'm':
			options.memory = number(optarg, MIN_MEMORY, MAX_MEMORY);
			break;
		case 'c':
			options.cpus = number(optarg, 1, MAX_CPUS);
			break;
		case 'r':
			options.requirements = number(optarg, 0, UINT32_MAX);
			break;
		case 0:
			break;
		default:
			refuse("%s", usage);
		}
	}
	if (optind != count || (options.agent == NULL) == (options.boot.kernel == NULL || options.boot.initrd == NULL))
		refuse("%s", usage);
	if (options.agent != NULL && options.cpus > GUEST_MAX_VCPUS)
		refuse("there are at most %u agents", GUEST_MAX_VCPUS);
	return options;
}

/* Passes input on to the guest until something ends the process. */
static _Noreturn void serve(int signals)
{
	enum { SIGNALS, EVENT, INPUT, COUNT };
	struct pollfd wait[COUNT] = {
		[SIGNALS] = {.fd = signals, .events = POLLIN},
		[EVENT] = {.fd = console_event(), .events = POLLIN},
		[INPUT] = {.fd = STDIN_FILENO},
	};

	for (;;) {
		uint64_t events;

		wait[INPUT].events = console_wants_input() ? POLLIN : 0;
		must(poll(wait, COUNT, -1), "waiting for input");
		if (wait[SIGNALS].revents != 0)
			signals_end(signals);
		if (wait[EVENT].revents != 0 && read(wait[EVENT].fd, &events, sizeof(events)) < 0)
			fail("reading an event");
		if (wait[INPUT].revents & POLLIN) {
			if (!console_input())
				wait[INPUT].fd = -1; /* a file without an end to wait for, such as /dev/null */
		} else if (wait[INPUT].revents & (POLLHUP | POLLERR)) {
			refuse("whoever talked to the guest is gone");
		}
	}
}

/* tpm_crb knows of one TPM, and of one command at a time. */
static void create_vtpm(struct vm *vm, uint32_t requirements)
{
	vtpm_open(vm);
	if (vtpm_create(INDEX, 1, requirements, QUEUE_ADDRESS) != VTPM_OK)
		fail("creating a vTPM");
}

/* Our agents instead of Linux; they get vTPMs as they are told. */
static _Noreturn void run_agents(struct vm *vm, const char *image, int signals)
{
	vtpm_open(vm);
	agents_create(vm, image);
	agent_shell_serve(vm->cpus, signals);
}

int main(int count, char **words)
{
	struct options options = parse(count, words);
	int signals = signals_watch();
	struct vm vm;

	vm_create(&vm, (size_t)options.memory * MEBIBYTE, options.cpus);
	if (options.agent != NULL)
		run_agents(&vm, options.agent, signals);
	vm_create_gic(&vm);
	console_create(&vm);
	if (options.vtpm)
		create_vtpm(&vm, options.requirements);

	struct entry entry = boot_load(&vm, &options.boot, vtpm_queue_bytes(INDEX));

	processors_create(&vm, entry.address, entry.device_tree);
	vm_start_gic(&vm);
	processors_run(&vm);
	serve(signals);
}
