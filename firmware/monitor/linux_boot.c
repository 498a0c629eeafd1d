/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a Linux kernel finds when it starts: itself, its initial file system, and tables that describe its machine.
 */
#include "acpi.h"
#include "cache.h"
#include "efi.h"
#include "fdt.h"
#include "linux_guest.h"
#include "memory.h"

/* Documentation/arch/arm64/booting.rst of Linux: the header of an Image. */
#define IMAGE_TEXT_OFFSET 8U
#define IMAGE_SIZE 16U
#define IMAGE_MAGIC 56U
#define IMAGE_MAGIC_VALUE 0x644D5241U /* "ARM\x64" */
#define IMAGE_HEADER_BYTES 64U
#define IMAGE_ALIGNMENT 0x200000U

/* The start of RAM is kept for the tables. */
#define TABLES_BYTES IMAGE_ALIGNMENT

void *linux_memory(const struct vm *vm, uint64_t ipa, uint64_t bytes)
{
	uint64_t offset = ipa - GUEST_RAM_IPA;

	return offset < vm->ram_bytes && bytes <= vm->ram_bytes - offset ? pa_pointer(pa_of(vm->ram.value + offset))
									 : NULL;
}

/* How much memory the kernel takes, with what is not in its image; 0: that is none. */
static uint64_t kernel_size(const struct linux_images *images)
{
	const uint8_t *header = pa_pointer(images->kernel);
	uint64_t text_offset;
	uint64_t size;
	uint32_t magic;

	if (images->kernel_bytes < IMAGE_HEADER_BYTES) {
		return 0;
	}
	memcpy(&text_offset, &header[IMAGE_TEXT_OFFSET], sizeof(text_offset));
	memcpy(&size, &header[IMAGE_SIZE], sizeof(size));
	memcpy(&magic, &header[IMAGE_MAGIC], sizeof(magic));
	return magic == IMAGE_MAGIC_VALUE && text_offset == 0U && size >= images->kernel_bytes ? size : 0U;
}

static bool place(const struct vm *vm, uint64_t ipa, struct pa from, uint64_t bytes)
{
	void *to = linux_memory(vm, ipa, bytes);

	if (to == NULL) {
		return false;
	}
	memcpy(to, pa_pointer(from), bytes);
	cache_flush(to, bytes);
	return true;
}

/* Returns the guest's address of the device tree, or 0. */
static uint64_t write_tables(const struct vm *vm, const struct machine *machine)
{
	struct writer writer = {.memory = pa_pointer(vm->ram), .size = TABLES_BYTES, .address = GUEST_RAM_IPA};
	uint64_t rsdp = acpi_write(&writer, machine);
	struct efi_tables efi = efi_write(&writer, machine, rsdp, TABLES_BYTES);
	uint64_t device_tree = fdt_write(&writer, machine, &efi);

	cache_flush(writer.memory, writer.used);
	return writer.overflow ? 0U : device_tree;
}

enum linux_status linux_boot(struct vm *vm, const struct linux_images *images)
{
	static const struct virtio_device devices[] = {{LINUX_CONSOLE, LINUX_CONSOLE_INTERRUPT}};
	struct vcpu *vcpu = &vm->vcpu[0];
	uint64_t entry = GUEST_RAM_IPA + TABLES_BYTES;
	uint64_t kernel_bytes = kernel_size(images);
	uint64_t initrd = (entry + kernel_bytes + IMAGE_ALIGNMENT - 1U) & ~(uint64_t)(IMAGE_ALIGNMENT - 1U);
	struct machine machine = {
		.cpus = 1,
		.psci_by_hvc = true,
		.gic = GIC_V3,
		.gic_distributor = LINUX_GIC_DISTRIBUTOR,
		.gic_cpus = LINUX_GIC_REDISTRIBUTOR,
		.ram = GUEST_RAM_IPA,
		.ram_bytes = vm->ram_bytes,
		.initrd = initrd,
		.initrd_bytes = images->initrd_bytes,
		.arguments = images->arguments,
		.devices = devices,
		.device_count = sizeof(devices) / sizeof(devices[0]),
		.queue = images->queue,
		.queue_bytes = images->queue_bytes,
	};

	if (kernel_bytes == 0U) {
		return LINUX_NO_KERNEL;
	}
	if (linux_memory(vm, entry, kernel_bytes) == NULL || !place(vm, entry, images->kernel, images->kernel_bytes) ||
	    !place(vm, initrd, images->initrd, images->initrd_bytes)) {
		return LINUX_TOO_LARGE;
	}
	vcpu_reset(vcpu);
	vcpu->pc = entry;
	memset(vcpu->x, 0, sizeof(vcpu->x));
	vcpu->x[0] = write_tables(vm, &machine);
	return vcpu->x[0] != 0U ? LINUX_OK : LINUX_TOO_LARGE;
}
