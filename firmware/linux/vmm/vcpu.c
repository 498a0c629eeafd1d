/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A processor of the VM, as KVM has it: creating it, and its registers.
 */
#include "vcpu.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

#include "failure.h"

void vcpu_create(struct vcpu *vcpu, const struct vm *vm, unsigned int number, bool awake)
{
	int run_bytes = must(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "asking for the size of a processor's state");

	vcpu->fd = must(ioctl(vm->fd, KVM_CREATE_VCPU, number), "creating a processor");
	vcpu->run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		fail("mapping a processor's state");
	must(ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &vcpu->init), "asking for the kind of processor");
	vcpu->init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	if (number > 0 && !awake)
		vcpu->init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
	vcpu_reset(vcpu);
}

void vcpu_reset(struct vcpu *vcpu)
{
	must(ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &vcpu->init), "setting up a processor");
}

uint64_t vcpu_get(const struct vcpu *vcpu, uint64_t id)
{
	uint64_t value = 0;
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};

	must(ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg), "reading a register");
	return value;
}

void vcpu_set(const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};

	must(ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg), "setting a register");
}
