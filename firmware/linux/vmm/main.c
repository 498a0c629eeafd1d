/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmm runs one Linux guest under KVM, with vTPMs of its own if asked for; README.md has the options. The guest's
 * console hvc0 is standard input and output, or a socket; its kernel's early console is standard error, or a log. It
 * ends with the guest, on SIGTERM, and, when it is not in the background, with whoever reads its console. With --agent
 * it runs our agents instead, and standard input and output are a dialogue with them.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "agent_shell.h"
#include "background.h"
#include "boot.h"
#include "console.h"
#include "failure.h"
#include "line.h"
#include "processor.h"
#include "signals.h"
#include "vm.h"
#include "vtpm.h"
#include "vtpm_abi.h"

#define MEBIBYTE (1u << 20)
#define MIN_MEMORY 64u
#define MAX_MEMORY 2048u
#define MAX_VTPMS (VTPM_MAX_INDEX + 1)

/* What CREATE in vtpm_abi.h is asked for. */
struct wanted_vtpm {
	uint32_t requirements;
	uint32_t slots;
};

struct options {
	struct boot boot;
	const char *agent; /* an image of firmware/guest, to run instead of Linux */
	uint32_t memory;   /* MiB */
	uint32_t cpus;
	const char *uuid;
	const char *name;
	const char *attach_to;
	const char *stop;
	struct wanted_vtpm vtpms[MAX_VTPMS];
	unsigned int vtpm_count;
};

static const char usage[] = "usage: vmm --kernel IMAGE --initrd CPIO [--append ARGUMENTS] [--memory MIB] [--cpus N]\n"
			    "           [--vtpm[=REQUIREMENTS[,SLOTS]]] ... [--uuid UUID] [--name NAME]\n"
			    "       vmm --attach NAME\n"
			    "       vmm --stop NAME\n"
			    "       vmm --agent IMAGE [--memory MIB] [--cpus N]\n";

static uint32_t number(const char *text, uint32_t low, uint32_t high)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*text == '\0' || *end != '\0' || value < low || value > high)
		refuse("%s is not a number from %u to %u", text, low, high);
	return (uint32_t)value;
}

/* Reads "REQUIREMENTS,SLOTS", both optional; `text` may be NULL. */
static struct wanted_vtpm wanted_vtpm(char *text)
{
	struct wanted_vtpm wanted = {.slots = 1}; /* Linux's tpm_crb sends one command at a time */
	char *slots = text != NULL ? strchr(text, ',') : NULL;

	if (slots != NULL) {
		*slots++ = '\0';
		wanted.slots = number(slots, 0, UINT32_MAX);
	}
	if (text != NULL)
		wanted.requirements = number(text, 0, UINT32_MAX);
	return wanted;
}

static void check(const struct options *options)
{
	bool linux = options->boot.kernel != NULL && options->boot.initrd != NULL;

	if (linux + (options->agent != NULL) + (options->attach_to != NULL) + (options->stop != NULL) != 1)
		refuse("%s", usage);
	if (options->agent != NULL && options->cpus > GUEST_MAX_VCPUS)
		refuse("there are at most %u agents", GUEST_MAX_VCPUS);
}

static struct options parse(int count, char **words)
{
	struct options options = {.boot.arguments = "", .memory = 256, .cpus = 1};
	const struct option known[] = {
		{"kernel", required_argument, NULL, 'k'}, {"initrd", required_argument, NULL, 'i'},
		{"append", required_argument, NULL, 'a'}, {"memory", required_argument, NULL, 'm'},
		{"cpus", required_argument, NULL, 'c'},   {"vtpm", optional_argument, NULL, 'v'},
		{"uuid", required_argument, NULL, 'u'},   {"name", required_argument, NULL, 'n'},
		{"attach", required_argument, NULL, 't'}, {"stop", required_argument, NULL, 's'},
		{"agent", required_argument, NULL, 'g'},  {0},
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
		case 'v':
			if (options.vtpm_count == MAX_VTPMS)
				refuse("a guest has at most %u vTPMs", MAX_VTPMS);
			options.vtpms[options.vtpm_count++] = wanted_vtpm(optarg);
			break;
		case 'u':
			options.uuid = optarg;
			break;
		case 'n':
			options.name = optarg;
			break;
		case 't':
			options.attach_to = optarg;
			break;
		case 's':
			options.stop = optarg;
			break;
		default:
			refuse("%s", usage);
		}
	}
	if (optind != count)
		refuse("%s", usage);
	check(&options);
	return options;
}

/*
 * The main thread: passes input on to the guest until something ends the process. It polls for input only while the
 * guest has room, and for a hang-up always.
 */
static _Noreturn void serve(int signals)
{
	enum { SIGNALS, EVENT, INPUT, NEWCOMERS, COUNT };
	struct pollfd wait[COUNT] = {
		[SIGNALS] = {.fd = signals, .events = POLLIN},
		[EVENT] = {.fd = console_event(), .events = POLLIN},
		[NEWCOMERS] = {.fd = line_newcomers(), .events = POLLIN},
	};

	for (;;) {
		uint64_t events;

		wait[INPUT] = (struct pollfd){.fd = line_input(), .events = console_wants_input() ? POLLIN : 0};
		must(poll(wait, COUNT, -1), "waiting for input");
		if (wait[SIGNALS].revents != 0)
			signals_end(signals);
		if (wait[EVENT].revents != 0 && read(wait[EVENT].fd, &events, sizeof(events)) < 0)
			fail("reading an event");
		if (wait[INPUT].revents & POLLIN) {
			if (!console_input())
				line_input_ended();
		} else if (wait[INPUT].revents & (POLLHUP | POLLERR)) {
			line_hung_up();
		}
		if (wait[NEWCOMERS].revents != 0)
			line_take_newcomer();
	}
}

/* A persistent vTPM is the one that a VM of this UUID has left behind, if it has; else a new one. */
static void create_vtpm(const struct options *options, uint32_t index)
{
	const struct wanted_vtpm *wanted = &options->vtpms[index];
	struct ipa ipa = ipa_make(QUEUE_ADDRESS + (uint64_t)index * QUEUE_STRIDE);
	bool may_be_there = options->uuid != NULL && (wanted->requirements & VTPM_REQUIRE_PERSISTENT) != 0;
	int64_t status = may_be_there ? vtpm_take(index, ipa) : VTPM_E_BAD_HANDLE;

	if (status == VTPM_E_BAD_HANDLE)
		status = vtpm_create(index, wanted->slots, wanted->requirements, ipa);
	if (status != VTPM_OK)
		fail("creating vTPM %u", index);
}

static void create_vtpms(struct vm *vm, const struct options *options)
{
	vtpm_open(vm);
	if (options->uuid != NULL)
		vtpm_name(options->uuid);
	for (uint32_t index = 0; index < options->vtpm_count; index++)
		create_vtpm(options, index);
}

/* Our agents instead of Linux; vTPMs are created by request. */
static _Noreturn void run_agents(struct vm *vm, const char *image, int signals)
{
	vtpm_open(vm);
	agents_create(vm, image);
	agent_shell_serve(vm->cpus, signals);
}

static _Noreturn void run_linux(struct vm *vm, const struct options *options, int signals)
{
	vm_create_gic(vm);
	console_create(vm);
	if (options->vtpm_count != 0)
		create_vtpms(vm, options);

	struct entry entry = boot_load(vm, &options->boot, vtpm_queue_bytes(0));

	processors_create(vm, entry.address, entry.device_tree);
	vm_start_gic(vm);
	processors_run(vm);
	if (options->name != NULL)
		background_ready();
	serve(signals);
}

int main(int count, char **words)
{
	struct options options = parse(count, words);
	struct vm vm;

	if (options.attach_to != NULL)
		return background_attach(options.attach_to);
	if (options.stop != NULL) {
		background_stop(options.stop);
		return EXIT_SUCCESS;
	}
	if (options.name != NULL)
		line_listen(background_start(options.name));

	int signals = signals_watch();

	vm_create(&vm, (size_t)options.memory * MEBIBYTE, options.cpus);
	if (options.agent != NULL)
		run_agents(&vm, options.agent, signals);
	run_linux(&vm, &options, signals);
}
