/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * KVM's interface to hand a guest's SMCCC calls to user space: Linux 6.4 and later,
 * Documentation/virt/kvm/devices/vm.rst, section 5. The headers of Debian 12's C library are older.
 */
#ifndef VMM_SMCCC_FILTER_H
#define VMM_SMCCC_FILTER_H

#include <linux/kvm.h>

#ifndef KVM_ARM_VM_SMCCC_FILTER
#define KVM_ARM_VM_SMCCC_CTRL 0
#define KVM_ARM_VM_SMCCC_FILTER 0
#define KVM_SMCCC_FILTER_FWD_TO_USER 2

struct kvm_smccc_filter {
	__u32 base;
	__u32 nr_functions;
	__u8 action;
	__u8 pad[15];
};
#endif

/* In `flags` of an exit by a call, of which older headers know the lower half as `longmode`: it was an SMC. */
#ifndef KVM_HYPERCALL_EXIT_SMC
#define KVM_HYPERCALL_EXIT_SMC (1u << 0)
#endif

#endif
