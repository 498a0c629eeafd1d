/* SPDX-License-Identifier: BSD-3-Clause */
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *format, va_list arguments, const char *reason)
{
	fputs("vmm: ", stderr);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "%s%s\n", reason ? ": " : "", reason ? reason : "");
}

void fail(const char *doing, ...)
{
	const char *reason = strerror(errno);
	va_list arguments;

	va_start(arguments, doing);
	say(doing, arguments, reason);
	va_end(arguments);
	exit(EXIT_FAILURE);
}

void refuse(const char *said, ...)
{
	va_list arguments;

	va_start(arguments, said);
	say(said, arguments, NULL);
	va_end(arguments);
	exit(EXIT_FAILURE);
}

int must(int result, const char *doing)
{
	if (result < 0)
		fail("%s", doing);
	return result;
}
