/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device tree with nothing but /chosen: initial file system, command line, and where the EFI tables are. The property
 * names are those by which Linux's EFI stub passes these things on to the kernel.
 */
#include "fdt.h"

#include <stddef.h>

/* Devicetree specification 0.4, chapter 5: everything is big endian. */
#define FDT_MAGIC 0xD00DFEED
#define FDT_VERSION 17
#define FDT_LAST_COMPATIBLE_VERSION 16
#define FDT_HEADER_BYTES 40
#define FDT_RESERVATION_BYTES 16
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE 2
#define FDT_PROPERTY 3
#define FDT_END 9

/* enum efi_secureboot_mode of Linux. */
#define SECURE_BOOT_OFF 2

/* The names of the properties, one after the other: the strings block. */
struct names {
	char arguments[sizeof("bootargs")];
	char initrd_start[sizeof("linux,initrd-start")];
	char initrd_end[sizeof("linux,initrd-end")];
	char system_table[sizeof("linux,uefi-system-table")];
	char map_start[sizeof("linux,uefi-mmap-start")];
	char map_size[sizeof("linux,uefi-mmap-size")];
	char descriptor_size[sizeof("linux,uefi-mmap-desc-size")];
	char descriptor_version[sizeof("linux,uefi-mmap-desc-ver")];
	char secure_boot[sizeof("linux,uefi-secure-boot")];
};

static const struct names names = {
	"bootargs",
	"linux,initrd-start",
	"linux,initrd-end",
	"linux,uefi-system-table",
	"linux,uefi-mmap-start",
	"linux,uefi-mmap-size",
	"linux,uefi-mmap-desc-size",
	"linux,uefi-mmap-desc-ver",
	"linux,uefi-secure-boot",
};

#define NAME(member) ((uint32_t)offsetof(struct names, member))

/* A device tree is big endian; the writer is not. */
static void cell(struct writer *writer, uint32_t value)
{
	writer_u32(writer, __builtin_bswap32(value));
}

static void begin_property(struct writer *writer, uint32_t name, uint32_t length)
{
	cell(writer, FDT_PROPERTY);
	cell(writer, length);
	cell(writer, name);
}

static void number(struct writer *writer, uint32_t name, uint32_t value)
{
	begin_property(writer, name, sizeof(value));
	cell(writer, value);
}

static void address(struct writer *writer, uint32_t name, uint64_t value)
{
	begin_property(writer, name, sizeof(value));
	cell(writer, (uint32_t)(value >> 32));
	cell(writer, (uint32_t)value);
}

static void text(struct writer *writer, uint32_t name, const char *value)
{
	uint32_t length = 1;

	while (value[length - 1] != '\0')
		length++;
	begin_property(writer, name, length);
	writer_bytes(writer, value, length);
	writer_align(writer, sizeof(uint32_t));
}

static void chosen(struct writer *writer, const struct machine *machine, const struct efi_tables *efi)
{
	cell(writer, FDT_BEGIN_NODE);
	writer_bytes(writer, "chosen\0", 8);
	text(writer, NAME(arguments), machine->arguments);
	address(writer, NAME(initrd_start), machine->initrd);
	address(writer, NAME(initrd_end), machine->initrd + machine->initrd_bytes);
	address(writer, NAME(system_table), efi->system_table);
	address(writer, NAME(map_start), efi->memory_map);
	number(writer, NAME(map_size), efi->memory_map_bytes);
	number(writer, NAME(descriptor_size), EFI_DESCRIPTOR_BYTES);
	number(writer, NAME(descriptor_version), EFI_DESCRIPTOR_VERSION);
	number(writer, NAME(secure_boot), SECURE_BOOT_OFF);
	cell(writer, FDT_END_NODE);
}

uint64_t fdt_write(struct writer *writer, const struct machine *machine, const struct efi_tables *efi)
{
	writer_align(writer, 8);

	size_t start = writer->used;

	writer_zeros(writer, FDT_HEADER_BYTES + FDT_RESERVATION_BYTES);
	cell(writer, FDT_BEGIN_NODE);
	cell(writer, 0); /* the root's name */
	chosen(writer, machine, efi);
	cell(writer, FDT_END_NODE);
	cell(writer, FDT_END);

	size_t strings = writer->used;

	writer_bytes(writer, &names, sizeof(names));

	uint32_t structure = FDT_HEADER_BYTES + FDT_RESERVATION_BYTES;
	uint32_t strings_offset = (uint32_t)(strings - start);
	const uint32_t header[FDT_HEADER_BYTES / sizeof(uint32_t)] = {
		FDT_MAGIC,        (uint32_t)(writer->used - start), structure, strings_offset,
		FDT_HEADER_BYTES,                                      /* memory reservations: none */
		FDT_VERSION,      FDT_LAST_COMPATIBLE_VERSION,      0, /* boot processor */
		sizeof(names),    strings_offset - structure,
	};

	for (size_t i = 0; i < sizeof(header) / sizeof(header[0]); i++)
		writer_patch_u32(writer, start + i * sizeof(uint32_t), __builtin_bswap32(header[i]));
	return writer->address + start;
}
