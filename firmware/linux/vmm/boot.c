/* SPDX-License-Identifier: BSD-3-Clause */
#include "boot.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acpi.h"
#include "console.h"
#include "efi.h"
#include "failure.h"
#include "fdt.h"

/* Documentation/arch/arm64/booting.rst of Linux: the header of an Image. */
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_SIZE 16
#define IMAGE_MAGIC 56
#define IMAGE_MAGIC_VALUE 0x644D5241u /* "ARM\x64" */
#define IMAGE_ALIGNMENT 0x200000u

/* The start of RAM is kept for the tables. */
#define TABLES_BYTES IMAGE_ALIGNMENT

/* Reads a whole file into RAM; returns its size. */
static size_t load(struct vm *vm, const char *path, uint64_t address)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	struct stat status;

	must(fstat(fd, &status), path);

	size_t size = (size_t)status.st_size;
	uint8_t *to = vm_memory(vm, address, size);

	if (to == NULL)
		refuse("%s does not fit into %zu MiB of RAM", path, vm->ram_bytes >> 20);
	for (size_t done = 0; done < size;) {
		ssize_t length = read(fd, to + done, size - done);

		if (length <= 0)
			fail("reading %s", path);
		done += (size_t)length;
	}
	close(fd);
	return size;
}

static uint64_t load_kernel(struct vm *vm, const char *path, uint64_t address)
{
	const uint8_t *image = vm_memory(vm, address, IMAGE_ALIGNMENT);
	uint64_t text_offset, size;
	uint32_t magic;

	load(vm, path, address);
	memcpy(&magic, image + IMAGE_MAGIC, sizeof(magic));
	memcpy(&text_offset, image + IMAGE_TEXT_OFFSET, sizeof(text_offset));
	memcpy(&size, image + IMAGE_SIZE, sizeof(size));
	if (magic != IMAGE_MAGIC_VALUE || text_offset != 0)
		refuse("%s is no kernel image for arm64", path);
	return size;
}

struct entry boot_load(struct vm *vm, const struct boot *boot, size_t queue_bytes)
{
	static const struct virtio_device devices[] = {{CONSOLE_ADDRESS, CONSOLE_INTERRUPT}};
	struct entry entry = {.address = RAM_ADDRESS + TABLES_BYTES};
	uint64_t kernel_bytes = load_kernel(vm, boot->kernel, entry.address);
	uint64_t initrd = (entry.address + kernel_bytes + IMAGE_ALIGNMENT - 1) & ~(uint64_t)(IMAGE_ALIGNMENT - 1);
	struct machine machine = {
		.cpus = vm->cpus,
		.psci_by_hvc = true,
		.gic = vm->gic,
		.gic_distributor = GIC_DISTRIBUTOR,
		.gic_cpus = vm->gic == GIC_V3 ? GIC_V3_REDISTRIBUTORS : GIC_V2_CPU_INTERFACE,
		.ram = RAM_ADDRESS,
		.ram_bytes = vm->ram_bytes,
		.initrd = initrd,
		.initrd_bytes = load(vm, boot->initrd, initrd),
		.arguments = boot->arguments,
		.devices = devices,
		.device_count = sizeof(devices) / sizeof(devices[0]),
		.queue = queue_bytes != 0 ? QUEUE_ADDRESS : 0,
		.queue_bytes = queue_bytes,
	};
	struct writer writer = {.memory = vm->ram, .size = TABLES_BYTES, .address = RAM_ADDRESS};
	uint64_t rsdp = acpi_write(&writer, &machine);
	struct efi_tables efi = efi_write(&writer, &machine, rsdp, TABLES_BYTES);

	entry.device_tree = fdt_write(&writer, &machine, &efi);
	if (writer.overflow)
		refuse("the tables that describe the machine do not fit into %u bytes", TABLES_BYTES);
	return entry;
}
