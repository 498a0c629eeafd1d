/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An EFI system table and memory map, without any EFI behind them. Linux on Arm finds ACPI tables only by way of the
 * system table, and RAM, when there is ACPI, only in the memory map.
 */
#include "efi.h"

#include "vtpm_abi.h"

/* UEFI 2.10, 4.3: the system table. */
#define SYSTEM_TABLE_SIGNATURE 0x5453595320494249
#define SYSTEM_TABLE_REVISION ((2u << 16) | 100u)
#define SYSTEM_TABLE_BYTES 120
#define CONSOLES_AND_SERVICES 8 /* three consoles with their handles, runtime and boot services: all absent */

/* 7.2: types and attributes of memory. */
#define RESERVED_MEMORY 0
#define CONVENTIONAL_MEMORY 7
#define ACPI_RECLAIM_MEMORY 9
#define WRITE_BACK (1u << 3)
#define UNCACHED (1u << 0)

static const uint16_t vendor[] = {'h', 'i', 'l', 0};

/* 4.6: EFI_ACPI_20_TABLE_GUID, 8868e871-e4f1-11d3-bc22-0080c73c8881. */
static const uint8_t acpi_guid[16] = {0x71, 0xE8, 0x68, 0x88, 0xF1, 0xE4, 0xD3, 0x11,
				      0xBC, 0x22, 0x00, 0x80, 0xC7, 0x3C, 0x88, 0x81};

static void memory(struct writer *writer, uint32_t type, uint64_t address, uint64_t bytes, uint64_t attributes)
{
	writer_u64(writer, type);
	writer_u64(writer, address);
	writer_u64(writer, 0); /* virtual address: not assigned */
	writer_u64(writer, bytes / VTPM_PAGE_BYTES);
	writer_u64(writer, attributes);
}

struct efi_tables efi_write(struct writer *writer, const struct machine *machine, uint64_t rsdp,
			    uint64_t reserved_bytes)
{
	struct efi_tables tables;

	writer_align(writer, 8);

	uint64_t vendor_address = writer_here(writer);

	for (size_t i = 0; i < sizeof(vendor) / sizeof(vendor[0]); i++)
		writer_u16(writer, vendor[i]);
	writer_align(writer, 8);

	uint64_t configuration = writer_here(writer);

	writer_bytes(writer, acpi_guid, sizeof(acpi_guid));
	writer_u64(writer, rsdp);

	tables.system_table = writer_here(writer);
	writer_u64(writer, SYSTEM_TABLE_SIGNATURE);
	writer_u32(writer, SYSTEM_TABLE_REVISION);
	writer_u32(writer, SYSTEM_TABLE_BYTES);
	writer_u64(writer, 0); /* CRC-32, which Linux does not check, and reserved */
	writer_u64(writer, vendor_address);
	writer_u64(writer, 0); /* the vendor's revision */
	writer_zeros(writer, CONSOLES_AND_SERVICES * sizeof(uint64_t));
	writer_u64(writer, 1); /* configuration tables */
	writer_u64(writer, configuration);

	tables.memory_map = writer_here(writer);
	memory(writer, ACPI_RECLAIM_MEMORY, machine->ram, reserved_bytes, WRITE_BACK);
	memory(writer, CONVENTIONAL_MEMORY, machine->ram + reserved_bytes, machine->ram_bytes - reserved_bytes,
	       WRITE_BACK);
	if (machine->queue != 0)
		memory(writer, RESERVED_MEMORY, machine->queue, machine->queue_bytes, UNCACHED);
	tables.memory_map_bytes = (uint32_t)(writer_here(writer) - tables.memory_map);
	return tables;
}
