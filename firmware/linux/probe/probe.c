/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does to /dev/vtpm what it is told, so that tests can use it from afar. One request per line, numbers as in C:
 *
 *   open                                       -> ok FD
 *   close FD
 *   create FD INDEX SLOTS REQUIREMENTS         -> ok QUEUE_BYTES
 *   name FD HEX
 *   take FD INDEX                              -> ok QUEUE_BYTES
 *   place FD INDEX IPA                         (a fourth number is put in the reserved field)
 *   ring FD INDEX, reset FD INDEX, destroy FD INDEX
 *   ioctl FD REQUEST ARGUMENT                  -> ok RESULT
 *   map FD OFFSET BYTES, map-private ..., map-executable ...   -> ok ADDRESS
 *   unmap ADDRESS BYTES
 *   read ADDRESS BYTES                         -> ok HEX
 *   write ADDRESS HEX
 *   vm ADDRESS BYTES                           makes a VM that has this memory
 *   vm-read OFFSET, vm-write OFFSET VALUE      -> ok WORD, as the VM finds it
 *
 * One reply per line: `ok` with what is said above, `error NAME` with the name of an errno, `signal NAME` when memory
 * could not be touched. It ends with its input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm.h"
#include "vtpm_ioctl.h"

#define MAX_NUMBERS 4

struct request {
	const char *verb;
	uint64_t numbers[MAX_NUMBERS];
	int count;
	const char *second; /* the second number as it was written */
};

static sigjmp_buf touched;

static void on_signal(int number)
{
	siglongjmp(touched, number);
}

static void reply(long result)
{
	if (result < 0) {
		printf("error %s\n", strerrorname_np(errno));
	} else {
		printf("ok %#lx\n", (unsigned long)result);
	}
}

static void create(const struct request *request)
{
	struct vtpm_create wanted = {
		.index = (uint32_t)request->numbers[1],
		.slots = (uint32_t)request->numbers[2],
		.requirements = request->numbers[3],
	};
	int result = ioctl((int)request->numbers[0], VTPM_IOC_CREATE, &wanted);

	reply(result < 0 ? result : (long)wanted.queue_bytes);
}

static void name(const struct request *request)
{
	struct vtpm_name wanted = {0};
	const char *hex = request->second;

	for (size_t i = 0; i < sizeof(wanted.name) && sscanf(hex, "%2hhx", &wanted.name[i]) == 1; i++) {
		hex += 2;
	}
	reply(ioctl((int)request->numbers[0], VTPM_IOC_NAME, &wanted));
}

static void take(const struct request *request)
{
	struct vtpm_create taken = {.index = (uint32_t)request->numbers[1]};
	int result = ioctl((int)request->numbers[0], VTPM_IOC_TAKE, &taken);

	reply(result < 0 ? result : (long)taken.queue_bytes);
}

static void place(const struct request *request)
{
	const struct vtpm_place wanted = {
		.index = (uint32_t)request->numbers[1],
		.ipa = request->numbers[2],
		.reserved = (uint32_t)request->numbers[3],
	};

	reply(ioctl((int)request->numbers[0], VTPM_IOC_PLACE, &wanted));
}

static void call(const struct request *request, unsigned long number)
{
	reply(ioctl((int)request->numbers[0], number, request->numbers[1]));
}

static void map(const struct request *request, int protection, int flags)
{
	const uint64_t *numbers = request->numbers;

	reply((long)mmap(NULL, numbers[2], protection, flags, (int)numbers[0], (off_t)numbers[1]));
}

/* Byte by byte, as the memory may be of a kind that memcpy must not touch. */
static void read_memory(const struct request *request)
{
	static uint8_t copy[1 << VTPM_MMAP_SHIFT];
	const volatile uint8_t *from = (const volatile uint8_t *)request->numbers[0];
	uint64_t bytes = request->numbers[1];

	if (bytes > sizeof(copy)) {
		puts("error TOOLONG");
		return;
	}
	for (uint64_t byte = 0; byte < bytes; byte++) {
		copy[byte] = from[byte];
	}
	fputs("ok ", stdout);
	for (uint64_t byte = 0; byte < bytes; byte++) {
		printf("%02x", copy[byte]);
	}
	putchar('\n');
}

static void write_memory(const struct request *request)
{
	volatile uint8_t *to = (volatile uint8_t *)request->numbers[0];
	unsigned int value;

	for (const char *hex = request->second; sscanf(hex, "%2x", &value) == 1; hex += 2) {
		*to++ = (uint8_t)value;
	}
	reply(0);
}

static void touch(const struct request *request, void (*access)(const struct request *request))
{
	int number = sigsetjmp(touched, 1);

	if (number == 0) {
		access(request);
	} else {
		printf("signal %s\n", sigabbrev_np(number));
	}
}

static bool is(const struct request *request, const char *verb)
{
	return strcmp(request->verb, verb) == 0;
}

static void serve(const struct request *request)
{
	const uint64_t *numbers = request->numbers;

	if (is(request, "open")) {
		reply(open("/dev/" VTPM_DEVICE, O_RDWR | O_CLOEXEC));
	} else if (is(request, "close")) {
		reply(close((int)numbers[0]));
	} else if (is(request, "create")) {
		create(request);
	} else if (is(request, "name")) {
		name(request);
	} else if (is(request, "take")) {
		take(request);
	} else if (is(request, "place")) {
		place(request);
	} else if (is(request, "ring")) {
		call(request, VTPM_IOC_RING);
	} else if (is(request, "reset")) {
		call(request, VTPM_IOC_RESET);
	} else if (is(request, "destroy")) {
		call(request, VTPM_IOC_DESTROY);
	} else if (is(request, "ioctl")) {
		reply(ioctl((int)numbers[0], numbers[1], numbers[2]));
	} else if (is(request, "map")) {
		map(request, PROT_READ | PROT_WRITE, MAP_SHARED);
	} else if (is(request, "map-private")) {
		map(request, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	} else if (is(request, "map-executable")) {
		map(request, PROT_READ | PROT_EXEC, MAP_SHARED);
	} else if (is(request, "unmap")) {
		reply(munmap((void *)numbers[0], numbers[1]));
	} else if (is(request, "read")) {
		touch(request, read_memory);
	} else if (is(request, "write")) {
		touch(request, write_memory);
	} else if (is(request, "vm")) {
		reply(kvm_make(numbers[0], numbers[1]));
	} else if (is(request, "vm-read")) {
		reply(kvm_read(numbers[0]));
	} else if (is(request, "vm-write")) {
		reply(kvm_write(numbers[0], (uint32_t)numbers[1]));
	} else {
		puts("error UNKNOWN");
	}
}

static void parse(char *line, struct request *out)
{
	char *place = NULL;

	*out = (struct request){.verb = strtok_r(line, " \n", &place), .second = ""};
	if (out->verb == NULL) {
		out->verb = "";
		return;
	}
	for (char *word; out->count < MAX_NUMBERS && (word = strtok_r(NULL, " \n", &place)) != NULL; out->count++) {
		out->numbers[out->count] = strtoull(word, NULL, 0);
		if (out->count == 1) {
			out->second = word;
		}
	}
}

int main(void)
{
	struct request request;
	char *line = NULL;
	size_t room = 0;

	signal(SIGBUS, on_signal);
	signal(SIGSEGV, on_signal);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (getline(&line, &room, stdin) > 0) {
		parse(line, &request);
		serve(&request);
	}
	free(line);
	return 0;
}
