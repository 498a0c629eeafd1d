// SPDX-License-Identifier: BSD-3-Clause
/*
 * tpm-latency COUNT COMMAND [AFTER]: sends one TPM command COUNT times, and tells how long each took.
 *
 * A command is given in hexadecimal digits. AFTER is sent after each, untimed, with the handle that the response began
 * with as its last four bytes: it flushes what the command has created. The output is the counter's frequency in Hz,
 * the last response, and the ticks of each command, a line each.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef DEVICE
#define DEVICE "/dev/tpm0"
#endif
#define MAX_MESSAGE 4096 /* TPM_BUFSIZE of Linux's drivers/char/tpm/tpm.h */
#define MAX_COUNT 100000

/* TPM 2.0 Library part 1, "Response Header": tag, size, code. */
#define HEADER_BYTES 10
#define CODE_OFFSET 6
#define HANDLE_BYTES 4

struct message {
	uint8_t bytes[MAX_MESSAGE];
	size_t size;
};

static _Noreturn void fail(const char *doing, const char *why)
{
	fprintf(stderr, "tpm-latency: %s: %s\n", doing, why);
	exit(EXIT_FAILURE);
}

/* An ISB on either side: the counter is not read before the last command is done, nor the next begun before that. */
static uint64_t counter(void)
{
	uint64_t value;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(value) : : "memory");
	return value;
}

static uint64_t frequency(void)
{
	uint64_t value;

	__asm__("mrs %0, cntfrq_el0" : "=r"(value));
	return value;
}

static struct message parse(const char *digits)
{
	struct message message = {.size = strlen(digits) / 2};

	if (message.size < HEADER_BYTES || message.size > MAX_MESSAGE)
		fail(digits, "not the size of a TPM command");
	for (size_t i = 0; i < message.size; i++) {
		unsigned int byte;

		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			fail(digits, "not in hexadecimal digits");
		message.bytes[i] = (uint8_t)byte;
	}
	return message;
}

/* Sends a command and returns how many ticks passed until the response was there. */
static uint64_t transmit(int device, const struct message *command, struct message *response)
{
	uint64_t start = counter();
	ssize_t sent = write(device, command->bytes, command->size);
	ssize_t received = sent < 0 ? sent : read(device, response->bytes, sizeof(response->bytes));
	uint64_t end = counter();

	if (received < 0)
		fail(DEVICE, strerror(errno));
	if (received < HEADER_BYTES)
		fail(DEVICE, "a response that is shorter than a header");
	response->size = (size_t)received;
	return end - start;
}

static void require_success(const struct message *response)
{
	static const uint8_t success[HEADER_BYTES - CODE_OFFSET];
	char code[2 * sizeof(success) + 1];

	if (memcmp(response->bytes + CODE_OFFSET, success, sizeof(success)) == 0)
		return;
	for (size_t i = 0; i < sizeof(success); i++)
		snprintf(code + 2 * i, 3, "%02x", response->bytes[CODE_OFFSET + i]);
	fail("the TPM answered with response code", code);
}

/* Sends AFTER with the handle that a response begins with. */
static void clean_up(int device, struct message *after, const struct message *response)
{
	struct message answer;

	if (response->size < HEADER_BYTES + HANDLE_BYTES)
		fail(DEVICE, "a response without a handle");
	memcpy(after->bytes + after->size - HANDLE_BYTES, response->bytes + HEADER_BYTES, HANDLE_BYTES);
	transmit(device, after, &answer);
	require_success(&answer);
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4)
		fail("usage", "tpm-latency COUNT COMMAND [AFTER]");
	long count = strtol(argv[1], NULL, 10);
	if (count < 1 || count > MAX_COUNT)
		fail(argv[1], "not a number of times");

	struct message command = parse(argv[2]);
	struct message after = argc == 4 ? parse(argv[3]) : (struct message){0};
	struct message response = {0};
	uint64_t *ticks = calloc((size_t)count, sizeof(*ticks));
	int device = open(DEVICE, O_RDWR);

	if (ticks == NULL || device < 0)
		fail(DEVICE, strerror(errno));
	for (long i = 0; i < count; i++) {
		ticks[i] = transmit(device, &command, &response);
		require_success(&response);
		if (after.size != 0)
			clean_up(device, &after, &response);
	}

	printf("%" PRIu64 "\n", frequency());
	for (size_t i = 0; i < response.size; i++)
		printf("%02x", response.bytes[i]);
	putchar('\n');
	for (long i = 0; i < count; i++)
		printf("%" PRIu64 "\n", ticks[i]);
	return EXIT_SUCCESS;
}
