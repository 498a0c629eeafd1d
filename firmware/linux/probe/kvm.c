/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VM of one processor and one memory slot, which executes four instructions: they read or write a word of the slot,
 * and store what they read to an address where nothing is. That store ends KVM_RUN and brings the word along.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm.h"

#define PAGE_BYTES 4096
#define CODE_IPA 0x40000000
#define SLOT_IPA 0x80000000
#define ANSWER_IPA 0x10000000 /* nothing is there: a store to it ends KVM_RUN */

/* Linux's uapi/asm/kvm.h: a core register of 64 bits, by its place in struct user_pt_regs. */
#define REGISTER(n) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (n)*2ULL)
#define REGISTER_PC 32

/* x0: the word's address; w1: what is to be written, if x2; x3: where the answer goes. */
static const uint32_t code[] = {
	0xb4000042, /*	cbz x2, 1f */
	0xb9000001, /*	str w1, [x0] */
	0xb9400001, /* 1:	ldr w1, [x0] */
	0xb9000061, /*	str w1, [x3] */
};

static int processor = -1;
static struct kvm_run *run;

static int add_slot(int vm, uint32_t slot, uint64_t ipa, uint64_t bytes, uint64_t memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .guest_phys_addr = ipa, .memory_size = bytes, .userspace_addr = memory};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int set(unsigned int number, uint64_t value)
{
	struct kvm_one_reg reg = {.id = REGISTER(number), .addr = (uint64_t)&value};

	return ioctl(processor, KVM_SET_ONE_REG, &reg);
}

static int add_processor(int kvm, int vm)
{
	struct kvm_vcpu_init init;

	processor = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (processor < 0 || ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) != 0 ||
	    ioctl(processor, KVM_ARM_VCPU_INIT, &init) != 0) {
		return -1;
	}
	run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, processor,
		   0);
	return run == MAP_FAILED ? -1 : 0;
}

int kvm_make(uint64_t memory, uint64_t bytes)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (vm < 0 || page == MAP_FAILED) {
		return -1;
	}
	memcpy(page, code, sizeof(code));
	if (add_slot(vm, 0, CODE_IPA, PAGE_BYTES, (uint64_t)page) != 0 ||
	    add_slot(vm, 1, SLOT_IPA, bytes, memory) != 0) {
		return -1;
	}
	return add_processor(kvm, vm);
}

static int64_t access_word(uint64_t offset, uint32_t value, uint64_t writes)
{
	uint32_t answer;

	if (set(0, SLOT_IPA + offset) != 0 || set(1, value) != 0 || set(2, writes) != 0 || set(3, ANSWER_IPA) != 0 ||
	    set(REGISTER_PC, CODE_IPA) != 0 || ioctl(processor, KVM_RUN, 0) != 0) {
		return -1;
	}
	if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != ANSWER_IPA || !run->mmio.is_write) {
		errno = EPROTO;
		return -1;
	}
	memcpy(&answer, run->mmio.data, sizeof(answer));
	return answer;
}

int64_t kvm_read(uint64_t offset)
{
	return access_word(offset, 0, 0);
}

int64_t kvm_write(uint64_t offset, uint32_t value)
{
	return access_word(offset, value, 1);
}
