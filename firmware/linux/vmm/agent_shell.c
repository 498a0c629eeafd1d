/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dialogue with agents (docs/monitor.md) on standard input and output: the same requests as on the monitor's serial
 * line, as far as they make sense for one VM, and requests about its vTPMs.
 */
#include "agent_shell.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent.h"
#include "codec.h"
#include "dialogue.h"
#include "exchange.h"
#include "failure.h"
#include "signals.h"
#include "vtpm_requests.h"

#define LINE_BYTES 0x18000u
#define STOP_MS 3000 /* what an agent that is stopped may take to leave its guest */

static unsigned int agent_count;
static int signals;
static bool busy[GUEST_MAX_VCPUS];
static struct wanted wanted[GUEST_MAX_VCPUS];

/*
 * Waits until a descriptor is readable; returns false after so many milliseconds, -1: never. A signal ends the process.
 */
static bool await(int descriptor, int milliseconds)
{
	struct pollfd wait[] = {{.fd = descriptor, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	int ready = poll(wait, 2, milliseconds);

	if (ready < 0)
		fail("waiting");
	if (wait[1].revents != 0)
		signals_end(signals);
	return ready > 0;
}

/* Finds the agent that word 1 names, `<vm>.<vcpu>`. The VM's number does not matter: this process has one. */
static bool named(const struct words *words, unsigned int *number, struct reply *reply)
{
	const char *dot = words->count > 1 ? strchr(words->word[1], '.') : NULL;
	uint64_t value;

	if (dot == NULL || !parse_hex(dot + 1, &value) || value >= agent_count) {
		reply_error(reply, "agent: there is no such vCPU");
		return false;
	}
	*number = (unsigned int)value;
	return true;
}

static bool start(const struct words *words, unsigned int *number, struct reply *reply)
{
	uint64_t microseconds;

	if (!named(words, number, reply) || !words_numbers(words, 2, 1, &microseconds, reply))
		return false;
	if (busy[*number]) {
		reply_error(reply, "busy: the agent is running, or its outcome has not been fetched");
		return false;
	}
	if (!exchange_load(words, agent_box(*number), &wanted[*number], reply))
		return false;
	busy[*number] = true;
	agent_start(*number, microseconds);
	return true;
}

static bool finished(unsigned int number)
{
	if (await(agent_finished(number), agent_timeout_ms(number)))
		return true;
	agent_stop(number);
	return await(agent_finished(number), STOP_MS);
}

static void finish(unsigned int number, struct reply *reply)
{
	eventfd_t event;

	if (!finished(number)) {
		exchange_stuck(reply);
		return;
	}
	must(eventfd_read(agent_finished(number), &event), "hearing from an agent");
	busy[number] = false;
	exchange_outcome(agent_box(number), &wanted[number], reply);
}

static void request_ping(const struct words *words, struct reply *reply)
{
	const uint64_t version = AGENT_ABI_VERSION;

	(void)words;
	reply_numbers(reply, &version, 1);
}

static void request_start(const struct words *words, struct reply *reply)
{
	unsigned int number;

	start(words, &number, reply);
}

static void request_run(const struct words *words, struct reply *reply)
{
	unsigned int number;

	if (start(words, &number, reply))
		finish(number, reply);
}

static void request_wait(const struct words *words, struct reply *reply)
{
	unsigned int number;

	if (!named(words, &number, reply))
		return;
	if (busy[number])
		finish(number, reply);
	else
		reply_error(reply, "idle: nothing was started");
}

static void execute(const struct words *words, struct reply *reply)
{
	static const struct request requests[] = {
		{"ping", request_ping},
		{"run", request_run},
		{"start", request_start},
		{"wait", request_wait},
		{"vtpm-create", request_vtpm_create},
		{"vtpm-place", request_vtpm_place},
		{"vtpm-reset", request_vtpm_reset},
		{"vtpm-destroy", request_vtpm_destroy},
		{"vtpm-info", request_vtpm_info},
		{"vtpm-queue", request_vtpm_queue},
		{NULL, NULL},
	};

	dialogue_serve(requests, words, reply);
}

static void answer(char *line, size_t length)
{
	const struct reply *reply = dialogue_answer(line, length, execute);

	for (size_t done = 0; done < reply->length;) {
		ssize_t written = write(STDOUT_FILENO, reply->text + done, reply->length - done);

		if (written < 0)
			fail("answering");
		done += (size_t)written;
	}
}

/* Answers the complete lines; returns how many bytes of the next one are left, at the start of the buffer. */
static size_t serve_lines(char *buffer, size_t length)
{
	char *line = buffer;
	char *end;

	while ((end = memchr(line, '\n', length - (size_t)(line - buffer))) != NULL) {
		*end = '\0';
		if (*line == ':')
			answer(line + 1, (size_t)(end - line) - 1);
		line = end + 1;
	}
	length -= (size_t)(line - buffer);
	memmove(buffer, line, length);
	return length;
}

void agent_shell_serve(unsigned int agents, int watched)
{
	static char buffer[LINE_BYTES];
	size_t length = 0;

	agent_count = agents;
	signals = watched;
	codec_start();
	for (;;) {
		await(STDIN_FILENO, -1);

		ssize_t got = read(STDIN_FILENO, buffer + length, sizeof(buffer) - length);

		if (got <= 0)
			refuse("whoever talked to the agents is gone, or says too much at once");
		length = serve_lines(buffer, length + (size_t)got);
	}
}
