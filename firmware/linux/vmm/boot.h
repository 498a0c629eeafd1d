/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include "vm.h"

struct boot {
	const char *kernel; /* an arm64 Image */
	const char *initrd;
	const char *arguments;
};

/* Where the first processor starts, and what it finds in x0. */
struct entry {
	uint64_t address;
	uint64_t device_tree;
};

/* Puts kernel, initial file system and the tables that describe the machine into the guest's RAM. */
struct entry boot_load(struct vm *vm, const struct boot *boot, size_t queue_bytes);

#endif
