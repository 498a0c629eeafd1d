/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a Linux kernel finds when it starts in a VM: itself and its initial file system in RAM, tables that describe its
 * machine, and registers as Linux's booting protocol wants them (Documentation/arch/arm64/booting.rst).
 */
#include "cache.h"
#include "guest_map.h"
#include "kernel.h"
#include "linux_guest.h"
#include "memory.h"
#include "platform.h"

_Static_assert(RAM_ADDRESS == GUEST_RAM_IPA, "all VMs have their RAM at the same place");

/* An IPA below RAM makes `offset` wrap around to a huge number, which is refused like one behind its end. */
void *linux_memory(const struct vm *vm, struct ipa ipa, uint64_t bytes)
{
	uint64_t offset = ipa.value - RAM_ADDRESS;

	return offset < vm->ram_bytes && bytes <= vm->ram_bytes - offset ? pa_pointer(pa_add(vm->ram, offset)) : NULL;
}

/* Copies to guest memory, and through the cache: the guest starts with its caches off and reads memory directly. */
static bool place(const struct vm *vm, struct ipa ipa, struct pa from, uint64_t bytes)
{
	void *to = linux_memory(vm, ipa, bytes);

	if (to == NULL) {
		return false;
	}
	memcpy(to, pa_pointer(from), bytes);
	cache_flush(to, bytes);
	return true;
}

enum linux_status linux_boot(struct vm *vm, const struct linux_images *images)
{
	static const struct virtio_device devices[] = {{CONSOLE_ADDRESS, CONSOLE_INTERRUPT}};
	struct vcpu *vcpu = &vm->vcpu[0];
	struct kernel_layout layout;

	if (images->kernel_bytes < KERNEL_HEADER_BYTES ||
	    !kernel_layout(pa_pointer(images->kernel), RAM_ADDRESS, &layout)) {
		return LINUX_NO_KERNEL;
	}

	const struct machine machine = {
		.cpus = 1,
		.psci_by_hvc = true,
		.gic = PLAT_GIC_VERSION,
		.gic_distributor = GIC_DISTRIBUTOR,
		.gic_cpus = PLAT_GIC_VERSION == GIC_V2 ? GIC_V2_CPU_INTERFACE : GIC_V3_REDISTRIBUTORS,
		.ram = RAM_ADDRESS,
		.ram_bytes = vm->ram_bytes,
		.initrd = layout.initrd,
		.initrd_bytes = images->initrd_bytes,
		.arguments = images->arguments,
		.devices = devices,
		.device_count = sizeof(devices) / sizeof(devices[0]),
		.queue = images->queue.value,
		.queue_bytes = images->queue_bytes,
	};

	if (linux_memory(vm, ipa_make(layout.kernel), layout.kernel_bytes) == NULL ||
	    !place(vm, ipa_make(layout.kernel), images->kernel, images->kernel_bytes) ||
	    !place(vm, ipa_make(layout.initrd), images->initrd, images->initrd_bytes) || vgic_map(vm) != VM_OK) {
		return LINUX_TOO_LARGE;
	}
	/* A reset vCPU is set up for an agent. Linux wants the device tree in x0, and zero in x1 to x3. */
	vcpu_reset(vcpu);
	memset(vcpu->x, 0, sizeof(vcpu->x));
	vcpu->pc = layout.kernel;
	vcpu->x[0] = kernel_write_tables(pa_pointer(vm->ram), &machine);
	cache_flush(pa_pointer(vm->ram), TABLES_BYTES);
	return vcpu->x[0] != 0U ? LINUX_OK : LINUX_TOO_LARGE;
}
