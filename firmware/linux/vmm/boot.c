/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts a Linux kernel, its initial file system and the tables that describe the machine into the guest's RAM.
 */
#include "boot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "failure.h"
#include "kernel.h"

/* Reads a whole file into the guest's RAM; returns its size. */
static size_t load(struct vm *vm, const char *path, struct ipa ipa)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	struct stat status;

	must(fstat(fd, &status), path);

	size_t size = (size_t)status.st_size;
	uint8_t *to = vm_memory(vm, ipa, size);

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

static struct kernel_layout load_kernel(struct vm *vm, const char *path)
{
	struct ipa ipa = ipa_make(RAM_ADDRESS + TABLES_BYTES);
	struct kernel_layout layout;

	if (load(vm, path, ipa) < KERNEL_HEADER_BYTES ||
	    !kernel_layout(vm_memory(vm, ipa, KERNEL_HEADER_BYTES), RAM_ADDRESS, &layout))
		refuse("%s is no kernel image for arm64", path);
	return layout;
}

struct entry boot_load(struct vm *vm, const struct boot *boot, size_t queue_bytes)
{
	static const struct virtio_device devices[] = {{CONSOLE_ADDRESS, CONSOLE_INTERRUPT}};
	struct kernel_layout layout = load_kernel(vm, boot->kernel);
	struct machine machine = {
		.cpus = vm->cpus,
		.psci_by_hvc = true,
		.gic = vm->gic,
		.gic_distributor = GIC_DISTRIBUTOR,
		.gic_cpus = vm->gic == GIC_V3 ? GIC_V3_REDISTRIBUTORS : GIC_V2_CPU_INTERFACE,
		.ram = RAM_ADDRESS,
		.ram_bytes = vm->ram_bytes,
		.initrd = layout.initrd,
		.initrd_bytes = load(vm, boot->initrd, ipa_make(layout.initrd)),
		.arguments = boot->arguments,
		.devices = devices,
		.device_count = sizeof(devices) / sizeof(devices[0]),
		.queue = queue_bytes != 0 ? QUEUE_ADDRESS : 0,
		.queue_bytes = queue_bytes,
	};
	struct entry entry = {.address = layout.kernel, .device_tree = kernel_write_tables(vm->ram, &machine)};

	if (entry.device_tree == 0)
		refuse("the tables that describe the machine do not fit into %u bytes", TABLES_BYTES);
	return entry;
}
