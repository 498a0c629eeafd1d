/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What UEFI's boot stub leaves for the kernel, without UEFI: that is how Linux on Arm finds ACPI tables.
 */
#ifndef ACPI_EFI_H
#define ACPI_EFI_H

#include <stdint.h>

#include "machine.h"
#include "writer.h"

/* UEFI 2.10, 7.2.3: memory descriptors. */
#define EFI_DESCRIPTOR_BYTES 40
#define EFI_DESCRIPTOR_VERSION 1

/* Where the kernel finds the tables; all addresses are the guest's. */
struct efi_tables {
	uint64_t system_table;
	uint64_t memory_map;
	uint32_t memory_map_bytes;
};

/*
 * Writes system table and memory map. The first `reserved_bytes` of RAM, in which the tables themselves must lie, are
 * marked as not to be reused.
 */
struct efi_tables efi_write(struct writer *writer, const struct machine *machine, uint64_t rsdp,
			    uint64_t reserved_bytes);

#endif
