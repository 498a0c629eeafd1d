/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As much of ACPI's machine language (ACPI 6.4, chapter 20) as describing devices takes.
 */
#ifndef ACPI_AML_H
#define ACPI_AML_H

#include <stdint.h>

#include "writer.h"

#define AML_NO_INTERRUPT 0

/* Begin \_SB, or a device in it with a hardware id and `number` as its _UID. Both return what aml_end() takes. */
size_t aml_begin_system_bus(struct writer *writer);
size_t aml_begin_device(struct writer *writer, const char *prefix, unsigned int number, const char *hardware_id);
void aml_end(struct writer *writer, size_t package);

/* _CCA: the device sees what is in the caches. */
void aml_coherent(struct writer *writer);

/* _CRS: registers below 4 GiB, and a level-sensitive interrupt if there is one. */
void aml_resources(struct writer *writer, uint64_t address, uint64_t bytes, uint32_t interrupt);

#endif
