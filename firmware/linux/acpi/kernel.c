/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where kernel, tables and initial file system go in a guest's RAM, from the header of the kernel.
 */
#include "kernel.h"

#include "acpi.h"
#include "efi.h"
#include "fdt.h"

/* Documentation/arch/arm64/booting.rst of Linux: the header of an Image, little endian. */
struct header {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size;
	uint64_t flags;
	uint64_t reserved[3];
	uint32_t magic;
	uint32_t pe_offset;
};

_Static_assert(sizeof(struct header) == KERNEL_HEADER_BYTES, "as the kernel has it");

#define MAGIC 0x644D5241u /* "ARM\x64" */

bool kernel_layout(const void *header, uint64_t ram, struct kernel_layout *layout)
{
	const struct header *image = header;

	/* Kernels since 5.8 have no text_offset any more: they run from any 2 MiB boundary. */
	if (image->magic != MAGIC || image->text_offset != 0)
		return false;
	layout->kernel = ram + TABLES_BYTES;
	layout->kernel_bytes = image->image_size;
	layout->initrd =
		(layout->kernel + image->image_size + KERNEL_ALIGNMENT - 1) & ~(uint64_t)(KERNEL_ALIGNMENT - 1);
	return true;
}

uint64_t kernel_write_tables(void *memory, const struct machine *machine)
{
	struct writer writer = {.memory = memory, .size = TABLES_BYTES, .address = machine->ram};
	uint64_t rsdp = acpi_write(&writer, machine);
	struct efi_tables efi = efi_write(&writer, machine, rsdp, TABLES_BYTES);
	uint64_t device_tree = fdt_write(&writer, machine, &efi);

	return writer.overflow ? 0 : device_tree;
}
