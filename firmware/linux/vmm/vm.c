/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtual machine: memory, interrupt controller, and the SMCCC calls that KVM forwards.
 */
#include "vm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "failure.h"
#include "smccc_filter.h"

#define INTERRUPTS 64 /* of the controller: SGIs and PPIs, and 32 of devices */

void vm_create(struct vm *vm, size_t ram_bytes, unsigned int cpus)
{
	vm->kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "opening /dev/kvm");
	vm->fd = must(ioctl(vm->kvm, KVM_CREATE_VM, 0), "creating a VM");
	vm->cpus = cpus;
	vm->ram_bytes = ram_bytes;
	vm->ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->ram == MAP_FAILED)
		fail("reserving %zu bytes of RAM", ram_bytes);
	must(vm_map(vm, 0, ipa_make(RAM_ADDRESS), vm->ram, ram_bytes), "giving RAM to the VM");
}

int vm_map(const struct vm *vm, uint32_t slot, struct ipa ipa, void *memory, size_t bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = ipa.value,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)memory,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static void set_gic(struct vm *vm, uint32_t group, uint64_t attribute, const void *value)
{
	struct kvm_device_attr set = {.group = group, .attr = attribute, .addr = (uintptr_t)value};

	must(ioctl(vm->gic_device, KVM_SET_DEVICE_ATTR, &set), "setting up the interrupt controller");
}

void vm_create_gic(struct vm *vm)
{
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
	const uint64_t distributor = GIC_DISTRIBUTOR;
	uint64_t cpus = GIC_V3_REDISTRIBUTORS;

	vm->gic = GIC_V3;
	/* KVM offers a GICv3 only where the host has one; not every GICv3 host offers a GICv2. */
	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &device) < 0) {
		device.type = KVM_DEV_TYPE_ARM_VGIC_V2;
		vm->gic = GIC_V2;
		cpus = GIC_V2_CPU_INTERFACE;
		must(ioctl(vm->fd, KVM_CREATE_DEVICE, &device), "creating an interrupt controller");
	}
	vm->gic_device = (int)device.fd;
	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_ADDR,
		vm->gic == GIC_V3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, &distributor);
	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_ADDR,
		vm->gic == GIC_V3 ? KVM_VGIC_V3_ADDR_TYPE_REDIST : KVM_VGIC_V2_ADDR_TYPE_CPU, &cpus);
}

void vm_start_gic(struct vm *vm)
{
	const uint32_t interrupts = INTERRUPTS;

	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts);
	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

void vm_interrupt(struct vm *vm, uint32_t interrupt, bool level)
{
	struct kvm_irq_level line = {
		.irq = (KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT) | interrupt,
		.level = level,
	};

	must(ioctl(vm->fd, KVM_IRQ_LINE, &line), "driving an interrupt");
}

void vm_forward_calls(struct vm *vm, uint32_t first, uint32_t count)
{
	struct kvm_smccc_filter filter = {.base = first, .nr_functions = count, .action = KVM_SMCCC_FILTER_FWD_TO_USER};
	struct kvm_device_attr set = {
		.group = KVM_ARM_VM_SMCCC_CTRL,
		.attr = KVM_ARM_VM_SMCCC_FILTER,
		.addr = (uintptr_t)&filter,
	};

	must(ioctl(vm->fd, KVM_SET_DEVICE_ATTR, &set), "having the doorbell forwarded (needs Linux 6.4)");
}

void *vm_memory(const struct vm *vm, struct ipa ipa, size_t bytes)
{
	uint64_t offset = ipa.value - RAM_ADDRESS;

	if (ipa.value < RAM_ADDRESS || offset > vm->ram_bytes || bytes > vm->ram_bytes - offset)
		return NULL;
	return vm->ram + offset;
}
