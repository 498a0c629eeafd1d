/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMM_FAILURE_H
#define VMM_FAILURE_H

/* Says what was being done, and why it did not work if errno knows, and ends the process with status 1. */
_Noreturn void fail(const char *doing, ...) __attribute__((format(printf, 1, 2)));

/* The same for what the caller or the guest did wrong: errno is not asked. */
_Noreturn void refuse(const char *said, ...) __attribute__((format(printf, 1, 2)));

/* Returns the result of a system call; fails if that is negative. */
int must(int result, const char *doing);

#endif
