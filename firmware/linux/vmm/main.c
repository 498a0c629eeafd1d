/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs one Linux guest under KVM, with a vTPM of its own if asked for. Standard input and output are the guest's
 * console hvc0; what its kernel says goes to standard error. Ends with the guest, with who talks to it, and on SIGTERM.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "boot.h"
#include "console.h"
#include "failure.h"
#include "processor.h"
#include "vm.h"
#include "vtpm.h"

#define MEBIBYTE (1u << 20)
#define MIN_MEMORY 64u
#define MAX_MEMORY 2048u
#define SIGNAL_STATUS 128 /* and the signal's number: as shells have it */

struct options {
	struct boot boot;
	uint32_t memory; /* MiB */
	uint32_t cpus;
	uint32_t requirements;
	int vtpm;
};

static const char usage[] = "usage: vmm --kernel IMAGE --initrd CPIO [--append ARGUMENTS] [--memory MIB] [--cpus N]\n"
			    "           [--vtpm [--requirements BITS]]\n";

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
		{"kernel", required_argument, NULL, 'k'}, {"initrd", required_argument, NULL, 'i'},
		{"append", required_argument, NULL, 'a'}, {"memory", required_argument, NULL, 'm'},
		{"cpus", required_argument, NULL, 'c'},   {"requirements", required_argument, NULL, 'r'},
		{"vtpm", no_argument, &options.vtpm, 1},  {0},
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
	if (optind != count || options.boot.kernel == NULL || options.boot.initrd == NULL)
		refuse("%s", usage);
	return options;
}

/* Has SIGTERM and SIGINT come as something to read, on whatever thread. */
static int watch_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	errno = pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (errno != 0)
		fail("blocking signals");
	signal(SIGPIPE, SIG_IGN);
	return must(signalfd(-1, &signals, SFD_CLOEXEC), "watching for signals");
}

static _Noreturn void end_by_signal(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		fail("reading a signal");
	exit(SIGNAL_STATUS + (int)info.ssi_signo);
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
			end_by_signal(signals);
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

int main(int count, char **words)
{
	struct options options = parse(count, words);
	int signals = watch_signals();
	struct vm vm;

	vm_create(&vm, (size_t)options.memory * MEBIBYTE, options.cpus);
	vm_create_gic(&vm);
	console_create(&vm);
	if (options.vtpm)
		vtpm_create(&vm, options.requirements);

	struct entry entry = boot_load(&vm, &options.boot, vtpm_queue_bytes());

	processors_create(&vm, entry.address, entry.device_tree);
	vm_start_gic(&vm);
	processors_run(&vm);
	serve(signals);
}
