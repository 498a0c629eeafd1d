/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The job of a guest's command loop: a command, its input and its output. There is one at a time; its output is kept
 * until the next one starts.
 */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest_commands.h"

enum { JOB_INPUT, JOB_OUTPUT = COMMANDS_OUTPUT, JOB_ERRORS = COMMANDS_ERRORS, JOB_STREAMS };

/* Names the directory of the files of jobs, which must exist. */
void job_keep_files_in(const char *path);

/*
 * Starts a job; none may be running. `input` and `command` are words `=BASE64`. Returns false if they are malformed, or
 * there is no space for its files.
 */
bool job_start(uint64_t number, const char *input, const char *command);

/* Whether this is the number of the last job that was started; 0 is none. */
bool job_is(uint64_t number);

bool job_runs(void);
bool job_has_ended(void);

/* Waits until the job ends: so many milliseconds, -1 for ever, or until there is input on `other`, -1 for none. */
void job_wait(int timeout_ms, int other);

/* How the job has ended: its exit status, or 128 and the number of the signal that killed it. */
int job_status(void);

/* How many bytes an output has; what a process that the job has left behind writes later does not count. */
uint64_t job_bytes(int stream);

/* Reads a piece of an output of a job that has ended, and returns how many bytes it has. */
size_t job_read(int stream, uint64_t offset, void *piece, size_t bytes);

#endif
