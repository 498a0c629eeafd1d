/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ACPI_FDT_H
#define ACPI_FDT_H

#include "efi.h"
#include "machine.h"
#include "writer.h"

/*
 * Writes a device tree that has nothing but /chosen, so that the kernel looks at the ACPI tables, and returns the
 * guest's address of it. Debian's kernels insist on the property that says that secure boot is off.
 */
uint64_t fdt_write(struct writer *writer, const struct machine *machine, const struct efi_tables *efi);

#endif
