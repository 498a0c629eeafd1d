/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ACPI_H
#define ACPI_H

#include "machine.h"
#include "writer.h"

/* Writes the tables that Linux needs on Arm (ACPI 6.4; RSDP last) and returns the guest's address of the RSDP. */
uint64_t acpi_write(struct writer *writer, const struct machine *machine);

#endif
