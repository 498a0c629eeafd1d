/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The job of a guest's command loop: its files, its process, its end. Input, command and output are files, so that
 * nothing that a job reads or writes can block the loop.
 */
#define _GNU_SOURCE
#include "job.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec.h"
#include "io.h"

#define SIGNALLED 128 /* added to a signal's number, as shells do */
#define PATH_BYTES 256

static const char *const names[JOB_STREAMS] = {"input", "output", "errors"};

static struct {
	uint64_t number; /* 0: none yet */
	pid_t pid;
	int process;
	bool ended;
	int status;
	int files[JOB_STREAMS];
	uint64_t bytes[JOB_STREAMS];
} job = {.process = -1, .files = {-1, -1, -1}};

static const char *directory;

void job_keep_files_in(const char *path)
{
	directory = path;
}

static const char *path(const char *name)
{
	static char text[PATH_BYTES];

	require((size_t)snprintf(text, sizeof(text), "%s/%s", directory, name) < sizeof(text));
	return text;
}

/* Creates a file that no process of an earlier job has open: what such a process still writes is not this job's. */
static int create(const char *name)
{
	unlink(path(name));
	return open(path(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* Creates a file with what a word `=BASE64` says. Returns -1 if that is malformed, or there is no space. */
static int create_with(const char *name, const char *word)
{
	size_t capacity = strlen(word);
	char *content = malloc(capacity);
	size_t bytes;
	int file = -1;

	if (content != NULL && *word == '=' && base64_decode(word + 1, content, capacity, &bytes))
		file = create(name);
	if (file >= 0 && (!write_all(file, content, bytes) || lseek(file, 0, SEEK_SET) != 0)) {
		close(file);
		file = -1;
	}
	free(content);
	return file;
}

static void forget_job(void)
{
	for (int stream = JOB_INPUT; stream < JOB_STREAMS; stream++) {
		if (job.files[stream] >= 0)
			close(job.files[stream]);
		job.files[stream] = -1;
	}
	job.number = 0;
}

/* Runs in the child. */
static void execute_command(void)
{
	for (int stream = JOB_INPUT; stream < JOB_STREAMS; stream++)
		dup2(job.files[stream], stream);
	execlp("sh", "sh", path("command"), NULL);
	_exit(SIGNALLED - 1);
}

bool job_start(uint64_t number, const char *input, const char *command)
{
	int script = create_with("command", command);

	forget_job();
	if (script < 0)
		return false;
	close(script);
	for (int stream = JOB_INPUT; stream < JOB_STREAMS; stream++) {
		job.files[stream] = stream == JOB_INPUT ? create_with(names[stream], input) : create(names[stream]);
		if (job.files[stream] < 0)
			return false;
	}
	job.pid = fork();
	if (job.pid == 0)
		execute_command();
	require(job.pid > 0);
	job.process = (int)syscall(SYS_pidfd_open, job.pid, 0);
	require(job.process >= 0);
	job.number = number;
	job.ended = false;
	return true;
}

/* Reaps a job that has ended. Its streams end here: what it has left running may still write. */
static void end_job(void)
{
	int status;

	require(waitpid(job.pid, &status, 0) == job.pid);
	close(job.process);
	job.status = WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
	job.ended = true;
	for (int stream = JOB_OUTPUT; stream < JOB_STREAMS; stream++) {
		struct stat file;

		require(fstat(job.files[stream], &file) == 0);
		job.bytes[stream] = (uint64_t)file.st_size;
	}
}

bool job_runs(void)
{
	return job.number != 0 && !job.ended;
}

bool job_is(uint64_t number)
{
	return number != 0 && number == job.number;
}

bool job_has_ended(void)
{
	return job.number != 0 && job.ended;
}

void job_wait(int timeout_ms, int other)
{
	struct pollfd polled[] = {{.fd = job.process, .events = POLLIN}, {.fd = other, .events = POLLIN}};

	if (!job_runs())
		return;
	require(poll(polled, 2, timeout_ms) >= 0); /* it ignores -1 in the place of a file */
	if (polled[0].revents != 0)
		end_job();
}

int job_status(void)
{
	return job.status;
}

uint64_t job_bytes(int stream)
{
	return job.bytes[stream];
}

size_t job_read(int stream, uint64_t offset, void *piece, size_t bytes)
{
	uint64_t left = offset < job.bytes[stream] ? job.bytes[stream] - offset : 0;
	size_t wanted = bytes < left ? bytes : left;

	return pread(job.files[stream], piece, wanted, (off_t)offset) == (ssize_t)wanted ? wanted : 0;
}
