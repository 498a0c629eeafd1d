/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest with an operating system: an unmodified Linux kernel in a VM with one vCPU, which keeps a CPU until it ends.
 * There is one such guest at a time.
 */
#ifndef LINUX_GUEST_H
#define LINUX_GUEST_H

#include "ring.h"
#include "vgic.h"
#include "virtio_console.h"
#include "vm.h"

struct linux_guest {
	struct vm *vm;  /* NULL: there is none */
	uint32_t state; /* LINUX_*, agent_abi.h */
	struct vgic vgic;
	struct virtio_console console;
	struct ring said;  /* from its console to CPU 0 */
	struct ring typed; /* from CPU 0 to its console */
	struct ring log;   /* from its early console to CPU 0: what its kernel says; what is too much is lost */
};

/* What lies ready in physical memory, and what the guest is to be told. */
struct linux_images {
	struct pa kernel;
	uint64_t kernel_bytes;
	struct pa initrd;
	uint64_t initrd_bytes;
	struct ipa queue; /* where its vTPM's queue is mapped; 0: it has none */
	uint64_t queue_bytes;
	const char *arguments; /* the kernel's command line */
};

enum linux_status {
	LINUX_OK,
	LINUX_NO_KERNEL,  /* that is no arm64 Image */
	LINUX_TOO_LARGE,  /* RAM is too small for what it must hold */
	LINUX_BUSY,       /* another such guest, or an agent of this VM, is there; or no CPU is free */
	LINUX_IMPOSSIBLE, /* not on this CPU, or not with so many vCPUs */
};

/* Puts kernel, initial file system and tables into the VM's RAM, and starts its vCPU. */
enum linux_status linux_guest_start(struct vm *vm, const struct linux_images *images);

/* On the CPU that was given the vCPU's agent: until the guest ends, or is told to stop. */
void linux_guest_run(struct vcpu *vcpu, struct cpu *cpu);

/* CPU 0: lets the guest see that there is input, or that there is room for output. */
void linux_guest_nudge(const struct linux_guest *guest);

/* Forgets the guest of a VM that is no more. */
void linux_guest_forget(struct vm *vm);

/*
 * What follows is between the files that make up such a guest.
 *
 * linux_boot.c: the first half of linux_guest_start(); sets where the vCPU begins.
 */
enum linux_status linux_boot(struct vm *vm, const struct linux_images *images);

/* The guest's memory from `ipa`, or NULL if not all of it is RAM. */
void *linux_memory(const struct vm *vm, struct ipa ipa, uint64_t bytes);

/* linux_traps.c: a synchronous exception of the guest. */
void linux_trap(struct linux_guest *guest, struct vcpu *vcpu);

/* linux_console.c: passes on what was typed, as far as the guest has room; and a byte of its kernel. */
void linux_console_start(struct linux_guest *guest);
void linux_console_input(struct linux_guest *guest);
void linux_log_byte(struct linux_guest *guest, uint8_t byte);

bool linux_told_to_stop(const struct linux_guest *guest);

#endif
