/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the VMM fails: with a line on standard error, and the process ends.
 */
#ifndef VMM_FAILURE_H
#define VMM_FAILURE_H

/* Says what was being done and what errno says about it, and ends the process with status 1. */
_Noreturn void fail(const char *doing, ...) __attribute__((format(printf, 1, 2)));

/* The same for a mistake of the caller or of the guest, about which errno knows nothing. */
_Noreturn void refuse(const char *said, ...) __attribute__((format(printf, 1, 2)));

/* Returns the result of a system call, unless it is negative: then it fails. */
int must(int result, const char *doing);

#endif
