/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ACPI tables of a virtual machine. Freestanding: the monitor and the VMM both use it.
 */
#ifndef ACPI_H
#define ACPI_H

#include "machine.h"
#include "writer.h"

/* Writes the tables that Linux needs on Arm, the RSDP last, and returns the guest's address of the RSDP. */
uint64_t acpi_write(struct writer *writer, const struct machine *machine);

#endif
