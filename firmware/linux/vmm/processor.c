/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processors of a Linux guest: a thread for each, which runs the vCPU and serves its exits. PSCI and the interrupt
 * controller are KVM's business; what is left are accesses to two devices, and the doorbells of vTPMs.
 */
#include "processor.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "console.h"
#include "failure.h"
#include "uart.h"
#include "vcpu.h"
#include "vtpm.h"

static struct vcpu processors[MAX_CPUS];

void processors_create(struct vm *vm, uint64_t entry, uint64_t device_tree)
{
	for (unsigned int i = 0; i < vm->cpus; i++)
		vcpu_create(&processors[i], vm, i, false);
	vcpu_set(&processors[0], VCPU_CORE(pc), entry);
	vcpu_set(&processors[0], VCPU_CORE(regs[0]), device_tree);
}

static uint32_t device_read(uint64_t address)
{
	if (address - UART_ADDRESS < UART_BYTES)
		return uart_read(address - UART_ADDRESS);
	if (address - CONSOLE_ADDRESS < CONSOLE_BYTES)
		return console_read(address - CONSOLE_ADDRESS);
	refuse("the guest reads at 0x%llx, where nothing is", (unsigned long long)address);
}

static void device_write(uint64_t address, uint32_t value)
{
	if (address - UART_ADDRESS < UART_BYTES)
		uart_write(address - UART_ADDRESS, value);
	else if (address - CONSOLE_ADDRESS < CONSOLE_BYTES)
		console_write(address - CONSOLE_ADDRESS, value);
	else
		refuse("the guest writes at 0x%llx, where nothing is", (unsigned long long)address);
}

/* Registers have 32 bits; a wider access reads zeros above, and loses what it writes there. */
static void device_access(struct kvm_run *run)
{
	uint32_t value = 0;
	uint32_t length = run->mmio.len < sizeof(value) ? run->mmio.len : (uint32_t)sizeof(value);

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, length);
		device_write(run->mmio.phys_addr, value);
	} else {
		value = device_read(run->mmio.phys_addr);
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
		memcpy(run->mmio.data, &value, length);
	}
}

static _Noreturn void end_of_guest(const struct kvm_run *run)
{
	switch (run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		exit(EXIT_SUCCESS);
	case KVM_SYSTEM_EVENT_RESET:
		exit(EXIT_RESTART);
	default:
		refuse("the guest ended by event %u", run->system_event.type);
	}
}

static void *execute(void *argument)
{
	struct vcpu *processor = argument;
	struct kvm_run *run = processor->run;

	for (;;) {
		if (ioctl(processor->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			fail("running the guest");
		}
		switch (run->exit_reason) {
		case KVM_EXIT_MMIO:
			device_access(run);
			break;
		case KVM_EXIT_HYPERCALL:
			/* On this thread, so commands of different processors run at once. */
			vcpu_set(processor, VCPU_CORE(regs[0]), (uint64_t)vtpm_doorbell((uint32_t)run->hypercall.nr));
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			end_of_guest(run);
		case KVM_EXIT_INTR:
			break;
		default:
			refuse("KVM stopped the guest for reason %u", run->exit_reason);
		}
	}
}

void processors_run(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->cpus; i++) {
		pthread_t thread;

		errno = pthread_create(&thread, NULL, execute, &processors[i]);
		if (errno != 0)
			fail("starting a processor");
	}
}
