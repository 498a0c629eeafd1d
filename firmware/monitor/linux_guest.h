/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest with an operating system: an unmodified Linux kernel in a VM with one vCPU, which keeps a CPU until it ends.
 * One such guest can exist at a time.
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
	struct ring said;  /* output of its console, to CPU 0 */
	struct ring typed; /* input for its console, from CPU 0 */
	struct ring log;   /* output of its early console, to CPU 0; what does not fit is lost */
};

/* What the guest starts from, ready in physical memory, and what its tables tell it. */
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
	LINUX_NO_KERNEL,  /* not an arm64 Image */
	LINUX_TOO_LARGE,  /* RAM is too small for what it must hold */
	LINUX_BUSY,       /* another such guest exists, an agent of this VM is not idle, or no CPU is free */
	LINUX_IMPOSSIBLE, /* this CPU cannot present virtual interrupts, or the VM has several vCPUs */
};

/* CPU 0: puts kernel, initial file system and tables into the VM's RAM, and starts its vCPU. */
enum linux_status linux_guest_start(struct vm *vm, const struct linux_images *images);

/* On the CPU that was given the vCPU's agent: runs the guest until it ends or is told to stop. */
void linux_guest_run(struct vcpu *vcpu, struct cpu *cpu);

/* CPU 0: makes the guest's CPU look at its rings: there is input, or room for output. */
void linux_guest_kick(const struct linux_guest *guest);

/* CPU 0: makes room for another guest, if it is this VM that has one. Called when the VM is destroyed. */
void linux_guest_forget(struct vm *vm);

/*
 * The rest is between the files that make up such a guest.
 *
 * linux_boot.c: fills RAM and sets where the vCPU begins, for linux_guest_start().
 */
enum linux_status linux_boot(struct vm *vm, const struct linux_images *images);

/* Returns the guest's memory from `ipa` on, or NULL unless all of the bytes are its RAM. */
void *linux_memory(const struct vm *vm, struct ipa ipa, uint64_t bytes);

/* linux_traps.c: does what a synchronous exception of the guest asks for. */
void linux_trap(struct linux_guest *guest, struct vcpu *vcpu);

/* linux_console.c: passes on typed input, as far as the guest has room; and a byte of the early console. */
void linux_console_start(struct linux_guest *guest);
void linux_console_input(struct linux_guest *guest);
void linux_log_byte(struct linux_guest *guest, uint8_t byte);

bool linux_told_to_stop(const struct linux_guest *guest);

#endif
