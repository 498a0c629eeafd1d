/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Executes the commands that come over a guest's console, one at a time. Kernel and programs write on the same console,
 * so requests and answers are frames with a number and a checksum, as on the monitor's line (docs/monitor.md):
 *
 *   ping                                          ok VERSION
 *   run JOB MICROSECONDS BYTES =INPUT =COMMAND    as await
 *   await JOB MICROSECONDS BYTES                  ok running, or ok ended STATUS OUTPUT ERRORS =OUTPUT =ERRORS
 *   read JOB STREAM OFFSET BYTES                  ok =PIECE
 *
 * Numbers are hexadecimal, what stands behind `=` is base64. A job is started once, however often its `run` comes. Its
 * output is kept until the next job starts, so that every piece can be asked for again. `await` tells the lengths of
 * both streams and the first BYTES of each; it returns early when another request comes. `run` first waits like this
 * for a job that runs already. The line `shell` gives a person a shell, until that ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "codec.h"
#include "dialogue.h"
#include "guest_commands.h"
#include "io.h"
#include "job.h"

#define READY "guest: ready\n"
/* The line may be torn by what the kernel says, so it is repeated until a request comes, but not for ever. */
#define READY_MS 1000
#define READY_TIMES 600
#define READ_BYTES 65536 /* what the buffer has room for, at least, before a read */
#define MOST_LINE (64u << 20)
#define PATH_BYTES 256

static struct {
	char *bytes;
	size_t size;
	size_t length;
	size_t at; /* where the next line begins */
	bool greeted;
} received;

static void say(const char *text)
{
	require(write_all(STDOUT_FILENO, text, strlen(text)));
}

static void tell_piece(int stream, uint64_t offset, uint64_t bytes, struct reply *reply)
{
	static char piece[COMMANDS_MOST_BYTES];

	reply_text(reply, " =");
	reply_base64(reply, piece, job_read(stream, offset, piece, bytes));
}

/* Waits for the job; not when there is another request already. */
static void wait_for_job(int timeout_ms)
{
	bool more = memchr(received.bytes + received.at, '\n', received.length - received.at) != NULL;

	job_wait(more ? 0 : timeout_ms, STDIN_FILENO);
}

static int milliseconds(uint64_t microseconds)
{
	uint64_t rounded = microseconds / 1000;

	return rounded < INT16_MAX ? (int)rounded : INT16_MAX;
}

static void tell_outcome(uint64_t microseconds, uint64_t bytes, struct reply *reply)
{
	wait_for_job(milliseconds(microseconds));
	if (!job_has_ended()) {
		reply_text(reply, " running");
		return;
	}

	const uint64_t numbers[] = {(uint64_t)job_status(), job_bytes(JOB_OUTPUT), job_bytes(JOB_ERRORS)};

	reply_text(reply, " ended");
	reply_numbers(reply, numbers, 3);
	tell_piece(JOB_OUTPUT, 0, bytes, reply);
	tell_piece(JOB_ERRORS, 0, bytes, reply);
}

static void request_ping(const struct words *words, struct reply *reply)
{
	const uint64_t version = COMMANDS_VERSION;

	(void)words;
	reply_numbers(reply, &version, 1);
}

/* Reads the numbers of `run` and `await`: job, microseconds, bytes. */
static bool outcome_numbers(const struct words *words, uint64_t numbers[3], struct reply *reply)
{
	if (!words_numbers(words, 1, 3, numbers, reply))
		return false;
	if (numbers[0] != 0 && numbers[2] <= COMMANDS_MOST_BYTES / 2)
		return true;
	reply_error(reply, "usage: no such number of a job, or too many bytes");
	return false;
}

static void request_run(const struct words *words, struct reply *reply)
{
	uint64_t numbers[3];

	if (!outcome_numbers(words, numbers, reply))
		return;
	if (!job_is(numbers[0])) {
		wait_for_job(milliseconds(numbers[1]));
		if (job_runs()) {
			reply_error(reply, "busy: another job is running");
			return;
		}
		if (words->count != 6 || !job_start(numbers[0], words->word[4], words->word[5])) {
			reply_error(reply, "space: no space for the command and its input, or they are malformed");
			return;
		}
	}
	tell_outcome(numbers[1], numbers[2], reply);
}

static void request_await(const struct words *words, struct reply *reply)
{
	uint64_t numbers[3];

	if (!outcome_numbers(words, numbers, reply))
		return;
	if (job_is(numbers[0]))
		tell_outcome(numbers[1], numbers[2], reply);
	else
		reply_error(reply, "unknown: no such job");
}

static void request_read(const struct words *words, struct reply *reply)
{
	uint64_t numbers[4];

	if (!words_numbers(words, 1, 4, numbers, reply))
		return;
	if (!job_is(numbers[0]) || !job_has_ended())
		reply_error(reply, "unknown: no such job, or it is running");
	else if ((numbers[1] != JOB_OUTPUT && numbers[1] != JOB_ERRORS) || numbers[3] > COMMANDS_MOST_BYTES)
		reply_error(reply, "usage: no such stream, or too many bytes");
	else
		tell_piece((int)numbers[1], numbers[2], numbers[3], reply);
}

static void execute(const struct words *words, struct reply *reply)
{
	static const struct request requests[] = {
		{"ping", request_ping}, {"run", request_run}, {"await", request_await},
		{"read", request_read}, {NULL, NULL},
	};

	dialogue_serve(requests, words, reply);
}

static void make_raw(void)
{
	struct termios settings;

	if (tcgetattr(STDIN_FILENO, &settings) == 0) {
		cfmakeraw(&settings);
		tcsetattr(STDIN_FILENO, TCSANOW, &settings);
	}
}

/* Opens the console again: the end of a session has closed its terminal for everybody. */
static void open_again(const char *terminal)
{
	int console = open(terminal, O_RDWR | O_NOCTTY);

	require(console >= 0 && dup2(console, STDIN_FILENO) >= 0 && dup2(console, STDOUT_FILENO) >= 0);
	close(console);
}

/* Gives what was read beyond the line `shell` back to the terminal. */
static void type_the_rest(void)
{
	for (; received.at < received.length; received.at++)
		ioctl(STDIN_FILENO, TIOCSTI, received.bytes + received.at);
}

static void give_shell(void)
{
	const char *name = ttyname(STDIN_FILENO);
	char terminal[PATH_BYTES] = "";

	if (name != NULL && strlen(name) < sizeof(terminal))
		strcpy(terminal, name);
	job_wait(-1, -1);
	if (terminal[0] != '\0' && system("stty sane") == 0) {
		type_the_rest();
		system("PS1='guest# ' exec setsid -c sh -i 2>&1");
		open_again(terminal);
		make_raw();
	}
	received.greeted = false;
	say(READY);
}

/* A request begins at the last `:`, whatever stands before it: nothing in a request has one. */
static void serve_line(char *line, size_t length)
{
	char *start = memrchr(line, ':', length);

	received.greeted = true;
	if (start != NULL) {
		const struct reply *reply = dialogue_answer(start + 1, (size_t)(line + length - start) - 1, execute);

		require(write_all(STDOUT_FILENO, reply->text, reply->length));
	} else if (strcmp(line, "shell") == 0) {
		give_shell();
	}
}

static void serve_lines(void)
{
	char *end;

	while ((end = memchr(received.bytes + received.at, '\n', received.length - received.at)) != NULL) {
		char *line = received.bytes + received.at;

		*end = '\0';
		received.at = (size_t)(end - received.bytes) + 1;
		serve_line(line, (size_t)(end - line));
	}
	received.length -= received.at;
	memmove(received.bytes, received.bytes + received.at, received.length);
	received.at = 0;
}

/* Reads what has come, after a wait. Returns false at the end of the input. */
static bool receive(void)
{
	if (received.length > MOST_LINE)
		received.length = 0; /* no request is that long */
	if (received.size - received.length < READ_BYTES) {
		received.size = 2 * received.size + READ_BYTES;
		received.bytes = realloc(received.bytes, received.size);
		require(received.bytes != NULL);
	}

	ssize_t got = read(STDIN_FILENO, received.bytes + received.length, received.size - received.length);

	received.length += got > 0 ? (size_t)got : 0;
	return got > 0;
}

static void greet(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	say(READY);
	for (int times = 1; times < READY_TIMES && poll(&input, 1, READY_MS) == 0; times++)
		say(READY);
}

int main(int count, char **arguments)
{
	require(count == 2);
	job_keep_files_in(arguments[1]);
	codec_start();
	make_raw();
	greet();
	while (receive()) {
		serve_lines();
		if (!received.greeted)
			greet();
	}
	job_wait(-1, -1);
	return EXIT_SUCCESS;
}
