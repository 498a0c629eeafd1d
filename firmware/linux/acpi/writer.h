/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes little-endian tables into memory that a guest will see at some address of its own. Past the end nothing is
 * written and `overflow` is set: check it once, after the last table.
 */
#ifndef ACPI_WRITER_H
#define ACPI_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
	uint8_t *memory;
	size_t size;
	size_t used;
	uint64_t address; /* where the guest sees memory[0] */
	bool overflow;
};

/* Returns the guest's address of what is written next. */
uint64_t writer_here(const struct writer *writer);

void writer_align(struct writer *writer, size_t alignment);
void writer_bytes(struct writer *writer, const void *bytes, size_t length);
void writer_zeros(struct writer *writer, size_t length);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);

/* Overwrites what was written at an offset from the start of the memory. */
void writer_patch_u32(struct writer *writer, size_t offset, uint32_t value);

/* Sets the byte at `checksum` so that the bytes from `start` up to here sum to zero, modulo 256. */
void writer_checksum(struct writer *writer, size_t start, size_t checksum);

#endif
