/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a Linux guest starts from.
 */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include "vm.h"

struct boot {
	const char *kernel; /* an arm64 Image */
	const char *initrd;
	const char *arguments;
};

/* Where the first processor starts, and what Linux wants in its x0. Both are the guest's addresses. */
struct entry {
	uint64_t address;
	uint64_t device_tree;
};

/*
 * Puts kernel, initial file system and tables into the guest's RAM. `queue_bytes`: of the first vTPM; 0: it has none.
 */
struct entry boot_load(struct vm *vm, const struct boot *boot, size_t queue_bytes);

#endif
