/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a Linux kernel and what it needs go in a guest's RAM: first the tables, then the kernel, then its initial file
 * system. Addresses are the guest's.
 */
#ifndef ACPI_KERNEL_H
#define ACPI_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

/* Documentation/arch/arm64/booting.rst of Linux: the header of an Image, and the boundary that an Image must lie on. */
#define KERNEL_HEADER_BYTES 64u
#define KERNEL_ALIGNMENT 0x200000u

/* The start of RAM is kept for the tables. */
#define TABLES_BYTES KERNEL_ALIGNMENT

struct kernel_layout {
	uint64_t kernel;       /* where it is entered, too */
	uint64_t kernel_bytes; /* more than the file has: with .bss and page tables */
	uint64_t initrd;
};

/*
 * Lays out RAM that begins at `ram` by the header of an Image. False: this is not a kernel for arm64 that can be run.
 */
bool kernel_layout(const void *header, uint64_t ram, struct kernel_layout *layout);

/*
 * Writes all tables to `memory`, the start of the machine's RAM; returns the guest's address of the device tree, or 0.
 */
uint64_t kernel_write_tables(void *memory, const struct machine *machine);

#endif
