/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compares firmware/engine/libc/memory.S, built under other names, with byte loops: every length up to LENGTHS, every
 * alignment, and for memmove every overlap. Ends with 0, or says what differed and ends with 1.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void *engine_memcpy(void *to, const void *from, size_t bytes);
void *engine_memmove(void *to, const void *from, size_t bytes);
void *engine_memset(void *to, int value, size_t bytes);

enum { LENGTHS = 300, ALIGNMENTS = 16, MARGIN = 320, ARENA = MARGIN + LENGTHS + ALIGNMENTS + MARGIN };

static uint8_t ours[ARENA];
static uint8_t expected[ARENA];

static void fill(void)
{
	for (size_t i = 0; i < ARENA; i++) {
		ours[i] = expected[i] = (uint8_t)(i * 7 + i / 256 + 1);
	}
}

static int differs(const char *what, size_t bytes, size_t to, ptrdiff_t distance)
{
	if (memcmp(ours, expected, ARENA) == 0) {
		return 0;
	}
	printf("%s of %zu bytes to offset %zu, source at distance %td\n", what, bytes, to, distance);
	return 1;
}

static void move_bytes(size_t to, size_t from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		size_t at = to <= from ? i : bytes - 1 - i;

		expected[to + at] = expected[from + at];
	}
}

static int check_move(size_t bytes, size_t to, ptrdiff_t distance)
{
	size_t from = (size_t)((ptrdiff_t)to + distance);

	fill();
	move_bytes(to, from, bytes);
	if (engine_memmove(ours + to, ours + from, bytes) != ours + to) {
		printf("memmove returned something else than its destination\n");
		return 1;
	}
	return differs("memmove", bytes, to, distance);
}

static int check_copy(size_t bytes, size_t to, size_t from)
{
	static uint8_t source[ARENA];

	fill();
	memcpy(source, ours, ARENA);
	for (size_t i = 0; i < bytes; i++) {
		expected[to + i] = source[from + i];
	}
	if (engine_memcpy(ours + to, source + from, bytes) != ours + to) {
		printf("memcpy returned something else than its destination\n");
		return 1;
	}
	return differs("memcpy", bytes, to, (ptrdiff_t)from - (ptrdiff_t)to);
}

static int check_set(size_t bytes, size_t to)
{
	fill();
	for (size_t i = 0; i < bytes; i++) {
		expected[to + i] = 0xA5;
	}
	if (engine_memset(ours + to, 0x5A5A5AA5, bytes) != ours + to) {
		printf("memset returned something else than its destination\n");
		return 1;
	}
	return differs("memset", bytes, to, 0);
}

int main(void)
{
	for (size_t bytes = 0; bytes <= LENGTHS; bytes++) {
		for (size_t align = 0; align < ALIGNMENTS; align++) {
			if (check_set(bytes, MARGIN + align) || check_copy(bytes, MARGIN + align, MARGIN + align / 3)) {
				return 1;
			}
		}
		for (ptrdiff_t distance = -MARGIN; distance <= MARGIN;
		     distance += distance > -70 && distance < 70 ? 1 : 13) {
			if (check_move(bytes, MARGIN + bytes % ALIGNMENTS, distance)) {
				return 1;
			}
		}
	}
	return 0;
}
