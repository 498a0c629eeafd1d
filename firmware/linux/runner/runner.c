// SPDX-License-Identifier: BSD-3-Clause
/*
 * Runs one command after the other for the program at the other end of its standard input and output, usually a channel
 * of an SSH server: on a slow processor an SSH server takes several times as long to start a command as this does. Each
 * command has a shell of its own, which was started when the command before it ended, and is waiting.
 *
 * A request is a struct request, then the command, then its input. While a command runs, a request with an empty
 * command kills it, with all of its process group. An answer is any number of struct answer, each followed by its
 * bytes: output and errors in the order in which they came, and the status at the end. Numbers are in network order. A
 * command has ended when its shell has. If what it started keeps its output open, all of its process group is killed,
 * and an answer before the status says so; what has its output elsewhere goes on. The end of the input kills what runs,
 * and ends this program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES (64 * 1024) /* the capacity of a pipe (Linux, pipe(7)): input and output wait in there */
#define MAX_COMMAND (32 * 1024)
#define MAX_INPUT (32 * 1024)
#define MAX_ANSWER (64 * 1024)
#define READ_BYTES (16 * 1024)
#define LEFT_MS 100 /* what the end of a pipeline may take to end after its shell */

struct request {
	uint32_t command_bytes;
	uint32_t input_bytes;
};

enum kind { OUTPUT, ERRORS, STATUS, LEFT };

struct answer {
	uint32_t kind;
	uint32_t bytes;
};

#define ENDED_BY_SIGNAL (-1)

/*
 * The shell executes the script that comes by descriptor SCRIPT. Its first line closes it, so commands do not get it.
 */
#define DEFAULT_SHELL "/bin/sh"
#define SCRIPT 3
#define EXECUTE_SCRIPT ". /proc/self/fd/3"
#define FIRST_LINE "exec 3<&-\n"
#define PIPES (SCRIPT + 1)

/* A shell that waits for its command, or runs it: its process, and this end of its pipes, -1 once it is closed. */
struct shell {
	pid_t pid;
	int process;
	int pipes[PIPES];
};

extern char **environ;

static uint8_t collected[MAX_ANSWER];
static size_t collected_bytes;

/* For calls that only fail for lack of memory, processes or a reader. The other end sees that the output has ended. */
static void require(bool done)
{
	if (!done)
		exit(EXIT_FAILURE);
}

static void write_all(int file, const void *data, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t written = write(file, (const uint8_t *)data + done, bytes - done);

		require(written >= 0);
		done += (size_t)written;
	}
}

static bool read_all(void *buffer, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t got = read(STDIN_FILENO, (uint8_t *)buffer + done, bytes - done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool read_request(struct request *request)
{
	if (!read_all(request, sizeof(*request)))
		return false;
	request->command_bytes = ntohl(request->command_bytes);
	request->input_bytes = ntohl(request->input_bytes);
	return request->command_bytes <= MAX_COMMAND && request->input_bytes <= MAX_INPUT;
}

static void flush(void)
{
	write_all(STDOUT_FILENO, collected, collected_bytes);
	collected_bytes = 0;
}

/* Collects answers, so that a short one is sent as a whole: each write is a packet of SSH. */
static void answer(enum kind kind, const void *data, size_t bytes)
{
	struct answer header = {htonl(kind), htonl((uint32_t)bytes)};

	if (collected_bytes + sizeof(header) + bytes > sizeof(collected))
		flush();
	memcpy(collected + collected_bytes, &header, sizeof(header));
	if (bytes != 0)
		memcpy(collected + collected_bytes + sizeof(header), data, bytes);
	collected_bytes += sizeof(header) + bytes;
}

static void close_pipe(struct shell *shell, int number)
{
	if (shell->pipes[number] >= 0)
		close(shell->pipes[number]);
	shell->pipes[number] = -1;
}

static bool is_output(int number)
{
	return number == STDOUT_FILENO || number == STDERR_FILENO;
}

/* The shell takes SCRIPT last: one of our ends of the pipes may have that number in the new process until then. */
static struct shell start_shell(void)
{
	const char *program = getenv("SHELL");
	char *arguments[] = {"sh", "-c", EXECUTE_SCRIPT, NULL};
	struct shell shell;
	int theirs[PIPES];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t broken_pipe;

	posix_spawn_file_actions_init(&files);
	for (int number = 0; number < PIPES; number++) {
		int ends[2];

		require(pipe2(ends, O_CLOEXEC) == 0);
		theirs[number] = ends[is_output(number)];
		shell.pipes[number] = ends[!is_output(number)];
		posix_spawn_file_actions_adddup2(&files, theirs[number], number);
	}
	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	require(posix_spawn(&shell.pid, program ? program : DEFAULT_SHELL, &files, &attributes, arguments, environ) ==
		0);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	for (int number = 0; number < PIPES; number++)
		close(theirs[number]);
	shell.process = (int)syscall(SYS_pidfd_open, shell.pid, 0);
	require(shell.process >= 0);
	return shell;
}

/* Has a shell run the command of a request; returns false if that shell has ended already. */
static bool give(struct shell *shell, const struct request *request, const uint8_t *command, const uint8_t *input)
{
	struct pollfd ended = {.fd = shell->process, .events = POLLIN};

	if (poll(&ended, 1, 0) != 0)
		return false;
	if (request->input_bytes != 0)
		write_all(shell->pipes[STDIN_FILENO], input, request->input_bytes);
	close_pipe(shell, STDIN_FILENO);
	write_all(shell->pipes[SCRIPT], FIRST_LINE, strlen(FIRST_LINE));
	write_all(shell->pipes[SCRIPT], command, request->command_bytes);
	close_pipe(shell, SCRIPT);
	return true;
}

/* Passes on output or errors that can be read; returns false if there are none. */
static bool pass_on(struct shell *shell, int number)
{
	uint8_t data[READ_BYTES];
	struct pollfd pipe = {.fd = shell->pipes[number], .events = POLLIN};

	if (poll(&pipe, 1, 0) == 0)
		return false;
	ssize_t got = read(pipe.fd, data, sizeof(data));
	if (got <= 0) {
		close_pipe(shell, number);
		return false;
	}
	answer(number == STDOUT_FILENO ? OUTPUT : ERRORS, data, (size_t)got);
	return true;
}

/* Returns whether somebody can still write to a pipe; passes on what has come. */
static bool is_open(struct shell *shell, int number)
{
	struct pollfd pipe = {.fd = shell->pipes[number], .events = POLLIN};

	while (pass_on(shell, number))
		;
	pipe.fd = shell->pipes[number];
	return pipe.fd >= 0 && (poll(&pipe, 1, 0) == 0 || (pipe.revents & POLLHUP) == 0);
}

/* Kills what a command whose shell has ended keeps running, if that keeps its output open. */
static void end_what_is_left(struct shell *shell)
{
	for (int waited = 0; is_open(shell, STDOUT_FILENO) || is_open(shell, STDERR_FILENO); waited++) {
		if (waited == LEFT_MS) {
			kill(-shell->pid, SIGKILL);
			answer(LEFT, NULL, 0);
			return;
		}
		poll(NULL, 0, 1);
	}
}

/* Reaps a shell that has ended, and returns its status. */
static int reap(struct shell *shell)
{
	int status;

	for (int number = 0; number < PIPES; number++)
		close_pipe(shell, number);
	close(shell->process);
	require(waitpid(shell->pid, &status, 0) == shell->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENDED_BY_SIGNAL;
}

/* Passes on output of a shell until its command has ended, and kills it on request. */
static void serve(struct shell *shell)
{
	for (;;) {
		struct pollfd polled[] = {
			{.fd = shell->process, .events = POLLIN},
			{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = shell->pipes[STDOUT_FILENO], .events = POLLIN},
			{.fd = shell->pipes[STDERR_FILENO], .events = POLLIN},
		};
		struct request request;

		require(poll(polled, sizeof(polled) / sizeof(polled[0]), -1) > 0);
		if (polled[1].revents != 0) {
			bool asked = read_request(&request);

			kill(-shell->pid, SIGKILL);
			require(asked && request.command_bytes == 0);
		}
		int reads = polled[0].revents != 0 ? PIPE_BYTES / READ_BYTES : 1;
		for (int number = STDOUT_FILENO; number <= STDERR_FILENO; number++) {
			for (int i = 0; i < reads && pass_on(shell, number); i++)
				;
		}
		if (polled[0].revents != 0)
			return;
	}
}

int main(void)
{
	static uint8_t command[MAX_COMMAND];
	static uint8_t input[MAX_INPUT];
	struct request request;
	struct shell shell = start_shell();

	signal(SIGPIPE, SIG_IGN);
	while (read_request(&request)) {
		if (request.command_bytes == 0)
			continue; /* the command that it was to kill has just ended */
		require(read_all(command, request.command_bytes) && read_all(input, request.input_bytes));
		if (!give(&shell, &request, command, input)) {
			reap(&shell);
			shell = start_shell();
			require(give(&shell, &request, command, input));
		}
		serve(&shell);
		end_what_is_left(&shell);
		uint32_t status = htonl((uint32_t)reap(&shell));
		answer(STATUS, &status, sizeof(status));
		flush();
		shell = start_shell();
	}
	return EXIT_SUCCESS;
}
