/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Formatted text into memory: the part of printf that messages of libtpms and OpenSSL use. Flags '-' and '0', width and
 * precision, lengths h (of values in range), l, ll, z and j, conversions d i u x X p c s %. No floating point, and no
 * %n, which writes to memory.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sink {
	char *out;
	size_t room;
	size_t length; /* what the whole text needs, also beyond room */
};

struct conversion {
	bool left;
	bool zero;
	int width;
	int precision; /* -1: none given */
	int longs;     /* 0: int, 1 and more: 64 bits */
};

enum { DIGITS_MAX = 20 };

static void put(struct sink *sink, char c)
{
	if (sink->length < sink->room) {
		sink->out[sink->length] = c;
	}
	sink->length++;
}

static void pad(struct sink *sink, char c, int count)
{
	for (; count > 0; count--) {
		put(sink, c);
	}
}

static void put_text(struct sink *sink, const struct conversion *how, const char *text)
{
	size_t limit = how->precision < 0 ? SIZE_MAX : (size_t)how->precision;
	int length = 0;

	while ((size_t)length < limit && length < INT_MAX && text[length] != '\0') {
		length++;
	}
	if (!how->left) {
		pad(sink, ' ', how->width - length);
	}
	for (int i = 0; i < length; i++) {
		put(sink, text[i]);
	}
	if (how->left) {
		pad(sink, ' ', how->width - length);
	}
}

static void put_number(struct sink *sink, const struct conversion *how, uint64_t value, unsigned int base, bool upper,
		       bool negative)
{
	const char *digit_names = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char digits[DIGITS_MAX];
	int count = 0;

	for (; value != 0; value /= base) {
		digits[count++] = digit_names[value % base];
	}

	int wanted = how->precision < 0 ? 1 : how->precision;
	int zeros = wanted > count ? wanted - count : 0;
	int spaces = how->width - count - zeros - (negative ? 1 : 0);

	if (how->zero && !how->left && how->precision < 0 && spaces > 0) {
		zeros += spaces;
		spaces = 0;
	}
	if (!how->left) {
		pad(sink, ' ', spaces);
	}
	if (negative) {
		put(sink, '-');
	}
	pad(sink, '0', zeros);
	while (count > 0) {
		put(sink, digits[--count]);
	}
	if (how->left) {
		pad(sink, ' ', spaces);
	}
}

static const char *read_count(const char *format, int *count, va_list *arguments)
{
	if (*format == '*') {
		*count = va_arg(*arguments, int);
		return format + 1;
	}
	*count = 0;
	for (; *format >= '0' && *format <= '9'; format++) {
		*count = *count * 10 + (*format - '0');
	}
	return format;
}

static const char *read_conversion(const char *format, struct conversion *how, va_list *arguments)
{
	*how = (struct conversion){.precision = -1};
	for (;; format++) {
		if (*format == '-') {
			how->left = true;
		} else if (*format == '0') {
			how->zero = true;
		} else {
			break;
		}
	}
	format = read_count(format, &how->width, arguments);
	if (*format == '.') {
		format = read_count(format + 1, &how->precision, arguments);
	}
	for (; *format == 'l' || *format == 'z' || *format == 'j' || *format == 'h'; format++) {
		how->longs += *format != 'h';
	}
	return format;
}

static void convert(struct sink *sink, const struct conversion *how, char kind, va_list *arguments)
{
	switch (kind) {
	case 'd':
	case 'i': {
		int64_t value = how->longs > 0 ? va_arg(*arguments, int64_t) : va_arg(*arguments, int);
		uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

		put_number(sink, how, magnitude, 10, false, value < 0);
		break;
	}
	case 'u':
	case 'x':
	case 'X': {
		uint64_t value = how->longs > 0 ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned int);

		put_number(sink, how, value, kind == 'u' ? 10 : 16, kind == 'X', false);
		break;
	}
	case 'p':
		put_number(sink, how, (uintptr_t)va_arg(*arguments, void *), 16, false, false);
		break;
	case 'c':
		put(sink, (char)va_arg(*arguments, int));
		break;
	case 's':
		put_text(sink, how, va_arg(*arguments, const char *));
		break;
	default:
		put(sink, kind);
		break;
	}
}

int vsnprintf(char *restrict out, size_t room, const char *restrict format, va_list arguments)
{
	struct sink sink = {out, room, 0};
	va_list rest;

	va_copy(rest, arguments);
	for (; *format != '\0'; format++) {
		struct conversion how;

		if (*format != '%') {
			put(&sink, *format);
			continue;
		}
		format = read_conversion(format + 1, &how, &rest);
		if (*format == '\0') {
			break;
		}
		convert(&sink, &how, *format, &rest);
	}
	va_end(rest);
	if (room > 0) {
		out[sink.length < room ? sink.length : room - 1] = '\0';
	}
	return (int)sink.length;
}

int snprintf(char *restrict out, size_t room, const char *restrict format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(out, room, format, arguments);

	va_end(arguments);
	return length;
}
