/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ACPI Machine Language (ACPI 6.4, chapter 20): the encoding of scopes, devices, names and resource descriptors. A
 * package carries its own length in front, so a place is left for it and filled in when the package ends.
 */
#include "aml.h"

#include <stddef.h>

/* ACPI 6.4, 20.3: opcodes. */
#define AML_NAME 0x08
#define AML_BYTE 0x0A
#define AML_STRING 0x0D
#define AML_SCOPE 0x10
#define AML_BUFFER 0x11
#define AML_EXTENDED 0x5B
#define AML_DEVICE 0x82
#define AML_ONE 0x01

/*
 * 20.2.4: a package length of three bytes. The first has the low 4 bits, and says that two follow; these have 8 each.
 */
#define PACKAGE_LENGTH_BYTES 3
#define PACKAGE_TWO_FOLLOW 0x80

/* 6.4: resource descriptors. */
#define RESOURCE_MEMORY32 0x86
#define RESOURCE_MEMORY32_BYTES 12
#define RESOURCE_WRITABLE 1
#define RESOURCE_INTERRUPT 0x89
#define RESOURCE_INTERRUPT_BYTES 9
#define RESOURCE_CONSUMER 1
#define RESOURCE_HEADER_BYTES 3
#define RESOURCE_END 0x79
#define RESOURCE_END_BYTES 2

#define HEX "0123456789ABCDEF"

static size_t begin_package(struct writer *writer)
{
	size_t package = writer->used;

	writer_zeros(writer, PACKAGE_LENGTH_BYTES);
	return package;
}

void aml_end(struct writer *writer, size_t package)
{
	struct writer at = *writer;
	size_t length = writer->used - package;

	if (writer->overflow)
		return;
	at.used = package;
	writer_u8(&at, (uint8_t)(PACKAGE_TWO_FOLLOW | (length & 0xF)));
	writer_u16(&at, (uint16_t)(length >> 4));
}

static void name(struct writer *writer, const char *segment)
{
	writer_u8(writer, AML_NAME);
	writer_bytes(writer, segment, 4);
}

size_t aml_begin_system_bus(struct writer *writer)
{
	writer_u8(writer, AML_SCOPE);

	size_t package = begin_package(writer);

	writer_bytes(writer, "\\_SB_", 5);
	return package;
}

size_t aml_begin_device(struct writer *writer, const char *prefix, unsigned int number, const char *hardware_id)
{
	size_t length = 0;

	writer_u8(writer, AML_EXTENDED);
	writer_u8(writer, AML_DEVICE);

	size_t package = begin_package(writer);

	writer_bytes(writer, prefix, 2);
	writer_u8(writer, (uint8_t)HEX[number / 16 % 16]);
	writer_u8(writer, (uint8_t)HEX[number % 16]);
	name(writer, "_HID");
	writer_u8(writer, AML_STRING);
	while (hardware_id[length] != '\0')
		length++;
	writer_bytes(writer, hardware_id, length + 1);
	name(writer, "_UID");
	writer_u8(writer, AML_BYTE);
	writer_u8(writer, (uint8_t)number);
	return package;
}

void aml_coherent(struct writer *writer)
{
	name(writer, "_CCA");
	writer_u8(writer, AML_ONE);
}

void aml_resources(struct writer *writer, uint64_t address, uint64_t bytes, uint32_t interrupt)
{
	size_t length = RESOURCE_MEMORY32_BYTES + RESOURCE_END_BYTES;

	if (interrupt != AML_NO_INTERRUPT)
		length += RESOURCE_INTERRUPT_BYTES;
	name(writer, "_CRS");
	writer_u8(writer, AML_BUFFER);

	size_t package = begin_package(writer);

	writer_u8(writer, AML_BYTE);
	writer_u8(writer, (uint8_t)length);
	writer_u8(writer, RESOURCE_MEMORY32);
	writer_u16(writer, RESOURCE_MEMORY32_BYTES - RESOURCE_HEADER_BYTES);
	writer_u8(writer, RESOURCE_WRITABLE);
	writer_u32(writer, (uint32_t)address);
	writer_u32(writer, (uint32_t)bytes);
	if (interrupt != AML_NO_INTERRUPT) {
		writer_u8(writer, RESOURCE_INTERRUPT);
		writer_u16(writer, RESOURCE_INTERRUPT_BYTES - RESOURCE_HEADER_BYTES);
		writer_u8(writer, RESOURCE_CONSUMER); /* level, active high, exclusive */
		writer_u8(writer, 1);
		writer_u32(writer, interrupt);
	}
	writer_u8(writer, RESOURCE_END);
	writer_u8(writer, 0); /* checksum: not used */
	aml_end(writer, package);
}
