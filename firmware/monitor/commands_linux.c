/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about a guest with an operating system: boot it, exchange bytes with its console, stop it.
 */
#include "codec.h"
#include "commands_machine.h"
#include "console.h"
#include "cpu.h"
#include "linux_guest.h"
#include "sysreg.h"

#define ARGUMENTS_BYTES 0x800U /* COMMAND_LINE_SIZE of Linux on arm64 (arch/arm64/include/uapi/asm/setup.h) */

/* The most that one answer carries of the console and of the log. Both fit into a reply (REPLY_BYTES), in base64. */
#define LARGEST_SAID 0x6000U
#define LARGEST_LOG 0x1000U

static struct linux_guest *guest_of(const struct words *words, struct reply *reply)
{
	struct vm *vm = vm_named(words, reply);

	if (vm == NULL) {
		return NULL;
	}
	if (vm->linux_guest == NULL) {
		reply_error(reply, "idle: nothing was booted in this VM");
	}
	return vm->linux_guest;
}

static bool has_ended(const struct linux_guest *guest)
{
	return __atomic_load_n(&guest->vm->vcpu[0].agent.state, __ATOMIC_ACQUIRE) != AGENT_RUNNING;
}

/*
 * Sleeps until an interrupt comes, whatever it is about: the caller looks again at what it waits for. Returns false
 * without sleeping when the guest has ended or the time is up. Keeps reading the console.
 */
static bool sleeps_until(const struct linux_guest *guest, uint64_t until)
{
	if (has_ended(guest) || counter_now() >= until) {
		return false;
	}
	console_poll();
	cpu_sleep(until);
	return true;
}

/*
 * boot <vm> <kernel's PA> <bytes> <initrd's PA> <bytes> <queue's IPA, or 0> <bytes> <the kernel's arguments, in base64>
 */
void request_boot(const struct words *words, struct reply *reply)
{
	static char arguments[ARGUMENTS_BYTES + 1U]; /* like all large buffers of CPU 0, not on its stack */
	uint64_t asked[6];
	size_t length;
	struct vm *vm = vm_named(words, reply);

	if (vm == NULL || !words_numbers(words, 2, 6, asked, reply)) {
		return;
	}
	if (words->count != 9U || !base64_decode(words->word[8], (uint8_t *)arguments, ARGUMENTS_BYTES, &length)) {
		reply_error(reply, "argument: the kernel's arguments are missing, malformed or too long");
		return;
	}
	arguments[length] = '\0';

	const struct linux_images images = {
		.kernel = pa_make(asked[0]),
		.kernel_bytes = asked[1],
		.initrd = pa_make(asked[2]),
		.initrd_bytes = asked[3],
		.queue = ipa_make(asked[4]),
		.queue_bytes = asked[5],
		.arguments = arguments,
	};

	switch (linux_guest_start(vm, &images)) {
	case LINUX_OK:
		break;
	case LINUX_NO_KERNEL:
		reply_error(reply, "argument: there is no kernel for arm64");
		break;
	case LINUX_TOO_LARGE:
		reply_error(reply, "space: the VM's RAM is too small for kernel, initial file system and tables");
		break;
	case LINUX_BUSY:
		reply_error(reply, "busy: another guest or agent is running, or every CPU is");
		break;
	case LINUX_IMPOSSIBLE:
		reply_error(reply,
			    "argument: it takes a VM with one vCPU, and a CPU that can present virtual interrupts");
		break;
	}
}

/*
 * listen <vm> <microseconds> -> LINUX_*; output of the console, then of the early console, both in base64
 * Answers as soon as there is any output, when the guest has ended, or when the time is up.
 */
void request_listen(const struct words *words, struct reply *reply)
{
	static uint8_t said[LARGEST_SAID];
	static uint8_t log[LARGEST_LOG];
	struct linux_guest *guest = guest_of(words, reply);
	uint64_t microseconds;
	uint64_t until;

	if (guest == NULL || !words_numbers(words, 2, 1, &microseconds, reply)) {
		return;
	}
	until = counter_now() + counter_ticks(microseconds);
	while (ring_is_empty(&guest->said) && ring_is_empty(&guest->log) && sleeps_until(guest, until)) {
	}

	const uint64_t state = has_ended(guest) ? guest->state : LINUX_RUNNING;

	reply_numbers(reply, &state, 1);
	reply_text(reply, " =");
	reply_base64(reply, said, ring_take(&guest->said, said, sizeof(said)));
	reply_text(reply, " =");
	reply_base64(reply, log, ring_take(&guest->log, log, sizeof(log)));
	linux_guest_kick(guest); /* a guest that waits for room in the ring has some now */
}

/* type <vm> <microseconds> <bytes in base64> -> how many of them went into the ring to the guest in that time */
void request_type(const struct words *words, struct reply *reply)
{
	static uint8_t bytes[RING_BYTES];
	struct linux_guest *guest = guest_of(words, reply);
	uint64_t microseconds;
	uint64_t until;
	uint64_t taken = 0;
	size_t length;

	if (guest == NULL || !words_numbers(words, 2, 1, &microseconds, reply)) {
		return;
	}
	if (words->count != 4U || !base64_decode(words->word[3], bytes, sizeof(bytes), &length)) {
		reply_error(reply, "argument: the bytes are missing, malformed or too many");
		return;
	}
	until = counter_now() + counter_ticks(microseconds);
	do {
		taken += ring_put(&guest->typed, &bytes[taken], length - taken);
		linux_guest_kick(guest); /* takes what is in the ring as soon as its driver has room */
	} while (taken < length && sleeps_until(guest, until));
	reply_numbers(reply, &taken, 1);
}

/* stop <vm>: ends the guest, whatever it is doing */
void request_stop(const struct words *words, struct reply *reply)
{
	struct linux_guest *guest = guest_of(words, reply);

	if (guest != NULL && !agent_stop(&guest->vm->vcpu[0].agent)) {
		reply_error(reply, "busy: the guest is stuck in EL3");
	}
}
