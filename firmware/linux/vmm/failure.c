/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the VMM fails: one line on standard error, and the end of the process. Its vTPMs end with it, since /dev/vtpm is
 * closed.
 */
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *format, va_list arguments, int error)
{
	fputs("vmm: ", stderr);
	vfprintf(stderr, format, arguments);
	if (error != 0)
		fprintf(stderr, ": %s (%s)", strerrorname_np(error), strerror(error));
	fputc('\n', stderr);
}

void fail(const char *doing, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, doing);
	say(doing, arguments, error);
	va_end(arguments);
	exit(EXIT_FAILURE);
}

void refuse(const char *said, ...)
{
	va_list arguments;

	va_start(arguments, said);
	say(said, arguments, 0);
	va_end(arguments);
	exit(EXIT_FAILURE);
}

int must(int result, const char *doing)
{
	if (result < 0)
		fail("%s", doing);
	return result;
}
