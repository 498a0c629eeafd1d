/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checked functions into which _FORTIFY_SOURCE of Debian's compiler has turned calls in libtpms: the same
 * functions, with the size of the destination as far as the compiler knew it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leave.h"

/* A copy that does not fit would have been an overflow: the engine ends, as a process would. */
static void require(size_t bytes, size_t room)
{
	if (bytes > room) {
		engine_fatal(ENGINE_FAULT_OVERFLOW);
	}
}

void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room)
{
	require(bytes, room);
	return memcpy(to, from, bytes);
}

void *__memset_chk(void *to, int value, size_t bytes, size_t room)
{
	require(bytes, room);
	return memset(to, value, bytes);
}

int __vsnprintf_chk(char *out, size_t bytes, int flag, size_t room, const char *format, va_list arguments)
{
	(void)flag;
	require(bytes, room);
	return vsnprintf(out, bytes, format, arguments);
}

int __snprintf_chk(char *out, size_t bytes, int flag, size_t room, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = __vsnprintf_chk(out, bytes, flag, room, format, arguments);

	va_end(arguments);
	return length;
}

int __asprintf_chk(char **out, int flag, const char *format, ...)
{
	va_list arguments;
	va_list again;

	(void)flag;
	va_start(arguments, format);
	va_copy(again, arguments);

	int length = vsnprintf(NULL, 0, format, arguments);
	size_t bytes = (size_t)length + 1;

	*out = malloc(bytes);
	(void)vsnprintf(*out, bytes, format, again);
	va_end(again);
	va_end(arguments);
	return length;
}

/*
 * libtpms' only jump goes from a failing command back to its dispatcher (RunCommand.c), always up the stack. Its
 * buffer is glibc's jmp_buf, 312 bytes; picolibc's, which is filled here, is smaller.
 */
_Static_assert(sizeof(jmp_buf) <= 312, "a jmp_buf of ours must fit into glibc's");

_Noreturn void __longjmp_chk(jmp_buf where, int value)
{
	longjmp(where, value);
}
