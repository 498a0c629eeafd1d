/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests in the background: their files below /run/guest, and who knows how they ended.
 *
 * Two processes belong to such a guest. The inner one is the VM. The outer one, its keeper, waits for it and writes
 * down how it ended, also if it was killed. The keeper holds a lock on the status file, so that everybody else can tell
 * whether the guest runs, and wait for its end, without asking any process.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "failure.h"

#define GUESTS "/run/guest"
#define ACCESS 0700
#define LOG_QUOTED 4096 /* bytes */

static int ready = -1;

/*
 * Returns the path of one of a guest's files, valid until the next call. The name comes from a user: no slash, no dot.
 */
static const char *path(const char *name, const char *file)
{
	static char text[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	size_t length = strlen(name);

	if (length == 0 || strchr(name, '/') != NULL || name[0] == '.')
		refuse("%s is no name of a guest", name);
	if ((size_t)snprintf(text, sizeof(text), GUESTS "/%s/%s", name, file) >= sizeof(text))
		refuse("the name %s is too long", name);
	return text;
}

static void make_directory(const char *directory)
{
	if (mkdir(directory, ACCESS) < 0 && errno != EEXIST)
		fail("creating %s", directory);
}

static int open_file(const char *name, const char *file, int flags)
{
	const char *at = path(name, file);

	return must(open(at, flags | O_CREAT | O_CLOEXEC, 0600), at);
}

/* Takes a name, by locking its status file; returns that file. The lock is the descriptor's, and survives fork. */
static int take(const char *name)
{
	make_directory(GUESTS);
	make_directory(path(name, ""));

	int status = open_file(name, "status", O_RDWR);

	if (flock(status, LOCK_EX | LOCK_NB) < 0)
		refuse("a guest of the name %s runs already", name);
	must(ftruncate(status, 0), "forgetting the guest of before");
	return status;
}

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, path(name, "console"));
	return address;
}

static int listen_at(const char *name)
{
	struct sockaddr_un here = address(name);
	int listener = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "creating a socket");

	if (unlink(here.sun_path) < 0 && errno != ENOENT)
		fail("removing %s", here.sun_path);
	must(bind(listener, (struct sockaddr *)&here, sizeof(here)), here.sun_path);
	must(listen(listener, 1), here.sun_path);
	return listener;
}

static void say_log(const char *name)
{
	static char said[LOG_QUOTED];
	int log = open_file(name, "log", O_RDONLY);
	off_t size = must((int)lseek(log, 0, SEEK_END), "reading the log");
	ssize_t length = pread(log, said, sizeof(said), size > LOG_QUOTED ? size - LOG_QUOTED : 0);

	if (length > 0)
		fwrite(said, 1, (size_t)length, stderr);
}

/* The keeper: waits for the guest's process to end, and writes down how, as a shell would say it. */
static _Noreturn void keep_status(pid_t guest, int status)
{
	int how;

	while (waitpid(guest, &how, 0) < 0 && errno == EINTR)
		;
	dprintf(status, "%d\n", WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how));
	exit(EXIT_SUCCESS);
}

/* Detaches from the terminal, or whatever else the caller has for its input and output. */
static void leave(const char *name)
{
	int nothing = must(open("/dev/null", O_RDONLY | O_CLOEXEC), "opening /dev/null");
	int log = open_file(name, "log", O_WRONLY | O_TRUNC | O_APPEND);

	must(setsid(), "leaving the session");
	must(dup2(nothing, STDIN_FILENO), "leaving standard input");
	must(dup2(log, STDOUT_FILENO), "leaving standard output");
	must(dup2(log, STDERR_FILENO), "leaving standard error");
}

/* The guest ends with its keeper: without one, nobody could find out that it runs, or how it ended. */
static void become_guest(const char *name)
{
	int pid = open_file(name, "pid", O_WRONLY | O_TRUNC);

	must(prctl(PR_SET_PDEATHSIG, SIGTERM), "tying the guest to its keeper");
	dprintf(pid, "%d\n", getpid());
	close(pid);
}

/* The process that the user has started: ends as soon as the guest runs, or has failed to start. */
static _Noreturn void await_ready(const char *name, int from)
{
	char byte;

	if (read(from, &byte, 1) == 1)
		exit(EXIT_SUCCESS);
	say_log(name);
	exit(EXIT_FAILURE);
}

int background_start(const char *name)
{
	int status = take(name);
	int listener = listen_at(name);
	int ends[2];

	must(pipe2(ends, O_CLOEXEC), "creating a pipe");
	if (must(fork(), "going into the background") > 0) {
		close(ends[1]);
		await_ready(name, ends[0]);
	}
	leave(name);

	pid_t guest = must(fork(), "going into the background");

	if (guest > 0) {
		close(ends[1]);
		close(listener);
		keep_status(guest, status);
	}
	close(status);
	become_guest(name);
	ready = ends[1];
	return listener;
}

void background_ready(void)
{
	if (write(ready, "", 1) != 1)
		fail("saying that the guest runs");
	close(ready);
}

static int open_status(const char *name)
{
	return must(open(path(name, "status"), O_RDONLY | O_CLOEXEC), "asking how the guest ended");
}

static int status_of(const char *name)
{
	int file = open_status(name);
	char text[16] = "";

	must(flock(file, LOCK_SH), "waiting for the guest's end");
	if (read(file, text, sizeof(text) - 1) <= 0)
		refuse("nobody knows how the guest %s ended", name);
	say_log(name);
	return atoi(text);
}

int background_attach(const char *name)
{
	struct sockaddr_un there = address(name);
	int console = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "creating a socket");

	if (connect(console, (struct sockaddr *)&there, sizeof(there)) == 0)
		attach(console);
	else if (errno != ECONNREFUSED) /* that is: the guest has ended already, and has a status */
		fail("attaching to the guest %s", name);
	return status_of(name);
}

void background_stop(const char *name)
{
	int status = open_status(name);
	int pid = open_file(name, "pid", O_RDONLY);
	char text[16] = "";

	if (flock(status, LOCK_SH | LOCK_NB) == 0)
		return; /* it has ended, and its number may be another's */
	if (read(pid, text, sizeof(text) - 1) > 0 && kill(atoi(text), SIGTERM) < 0 && errno != ESRCH)
		fail("stopping the guest %s", name);
	must(flock(status, LOCK_SH), "waiting for the guest's end");
}
