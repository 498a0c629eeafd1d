/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What C expects of the process that it runs in: ways to end it, errno, environment, standard error.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "leave.h"

enum { LOG_LINE_BYTES = 256 };

static int errno_value;

int *__errno_location(void)
{
	return &errno_value;
}

_Noreturn void abort(void)
{
	engine_fatal(ENGINE_FAULT_ABORT);
}

_Noreturn void __assert_fail(const char *expression, const char *file, unsigned int line, const char *function)
{
	char text[LOG_LINE_BYTES];

	(void)snprintf(text, sizeof(text), "%s:%u: %s: assertion failed: %s", file, line, function, expression);
	engine_call_log(text);
	engine_fatal(ENGINE_FAULT_ASSERTION);
}

_Noreturn void __stack_chk_fail(void)
{
	engine_fatal(ENGINE_FAULT_STACK_SMASH);
}

/* The environment would let somebody configure OpenSSL; it is empty. */
char *getenv(const char *name)
{
	(void)name;
	return NULL;
}

char *strerror(int number)
{
	static char text[] = "no operating system";

	(void)number;
	return text;
}

int __xpg_strerror_r(int number, char *out, size_t room)
{
	(void)snprintf(out, room, "error %d", number);
	return 0;
}

/*
 * libtpms' log; the descriptor does not matter. libtpms begins each message with its name. Text without it is the bytes
 * of the command that led to failure mode: they may hold secrets of the guest, so they are dropped.
 */
int __vdprintf_chk(int descriptor, int flag, const char *format, va_list arguments)
{
	static const char mark[] = "libtpms";
	char text[LOG_LINE_BYTES];
	int length = vsnprintf(text, sizeof(text), format, arguments);

	(void)descriptor;
	(void)flag;
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, mark, sizeof(mark) - 1) == 0) {
		engine_call_log(text);
	}
	return length;
}

int __dprintf_chk(int descriptor, int flag, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = __vdprintf_chk(descriptor, flag, format, arguments);

	va_end(arguments);
	return length;
}
