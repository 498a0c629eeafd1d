/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device tree of a virtual machine that is described by ACPI.
 */
#ifndef ACPI_FDT_H
#define ACPI_FDT_H

#include "efi.h"
#include "machine.h"
#include "writer.h"

/*
 * Writes a device tree that has nothing but /chosen, and returns the guest's address of it. The kernel uses ACPI only
 * if the tree is that empty. Debian's kernels insist on the property that says that secure boot is off.
 */
uint64_t fdt_write(struct writer *writer, const struct machine *machine, const struct efi_tables *efi);

#endif
