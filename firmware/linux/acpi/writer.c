/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Little-endian numbers and bytes into a buffer of fixed size. An overflow is remembered, so that writing tables needs
 * one check at the end instead of one per field.
 */
#include "writer.h"

uint64_t writer_here(const struct writer *writer)
{
	return writer->address + writer->used;
}

void writer_u8(struct writer *writer, uint8_t value)
{
	if (writer->used >= writer->size) {
		writer->overflow = true;
		return;
	}
	writer->memory[writer->used++] = value;
}

void writer_bytes(struct writer *writer, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	for (size_t i = 0; i < length; i++)
		writer_u8(writer, from[i]);
}

void writer_zeros(struct writer *writer, size_t length)
{
	for (size_t i = 0; i < length; i++)
		writer_u8(writer, 0);
}

void writer_align(struct writer *writer, size_t alignment)
{
	writer_zeros(writer, (alignment - writer->used % alignment) % alignment);
}

void writer_u16(struct writer *writer, uint16_t value)
{
	writer_u8(writer, (uint8_t)value);
	writer_u8(writer, (uint8_t)(value >> 8));
}

void writer_u32(struct writer *writer, uint32_t value)
{
	writer_u16(writer, (uint16_t)value);
	writer_u16(writer, (uint16_t)(value >> 16));
}

void writer_u64(struct writer *writer, uint64_t value)
{
	writer_u32(writer, (uint32_t)value);
	writer_u32(writer, (uint32_t)(value >> 32));
}

void writer_patch_u32(struct writer *writer, size_t offset, uint32_t value)
{
	struct writer at = *writer;

	at.used = offset;
	writer_u32(&at, value);
}

void writer_checksum(struct writer *writer, size_t start, size_t checksum)
{
	uint8_t sum = 0;

	if (writer->overflow)
		return;
	for (size_t i = start; i < writer->used; i++)
		sum = (uint8_t)(sum + writer->memory[i]);
	writer->memory[checksum] = (uint8_t)(writer->memory[checksum] - sum);
}
