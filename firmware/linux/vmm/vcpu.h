/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A processor of the VM, as KVM has it.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <linux/kvm.h>

#include "vm.h"

/* Identifiers of registers, for vcpu_get() and vcpu_set(); `member` is one of struct user_pt_regs. */
#define VCPU_CORE(member) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.member))

struct vcpu {
	int fd;
	struct kvm_run *run;
	struct kvm_vcpu_init init;
};

/* Creates a processor. All but the first wait for PSCI, unless they are `awake`. */
void vcpu_create(struct vcpu *vcpu, const struct vm *vm, unsigned int number, bool awake);

/* Gives it the registers of a processor that was just switched on. It must not run. */
void vcpu_reset(struct vcpu *vcpu);

/* Read and set one register. It must not run. */
uint64_t vcpu_get(const struct vcpu *vcpu, uint64_t id);
void vcpu_set(const struct vcpu *vcpu, uint64_t id, uint64_t value);

#endif
