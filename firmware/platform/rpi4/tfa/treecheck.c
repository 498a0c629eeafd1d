/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks at the device tree before TF-A changes it. Where it lies follows from config.txt, from what else is on the
 * card, and from the version of the VideoCore's firmware. A tree that something else has overwritten, or that would
 * overwrite something else when TF-A and the service add to it, must be told here: later it is a crash of Linux, or a
 * hang without a word.
 */
#include "treecheck.h"

#include <stdint.h>
#include <stdio.h>

#include <libfdt.h>
#include <plat/common/platform.h>
#include <platform_def.h>

#include "rpi_shared.h"
#include "vtpm_platform.h"

/* The first cells of every tree; nothing is read of one that lies where it cannot be. */
#define HEADER_BYTES UINT64_C(0x100)
/* What TF-A and the service add to a tree grows it by less than this. */
#define GROWTH_BYTES UINT64_C(0x2000)
/* From here on, the ARM processors see devices. */
#define MEMORY_END UINT64_C(0xfc000000)

struct extent {
	uint64_t start;
	uint64_t end;
};

/* TF-A's function of this name, which changes the tree; the linker puts ours before it (platform.mk). */
void __real_plat_rpi_bl31_custom_setup(void);
void __wrap_plat_rpi_bl31_custom_setup(void);

static bool passed;

static bool overlap(struct extent a, struct extent b)
{
	return a.start < b.end && b.start < a.end;
}

/* A place where no tree can lie; said without looking at what is there, since it may not be mapped. */
static const char *fault_of_place(struct extent tree)
{
	const struct extent firmware = {0, BL31_LIMIT};
	const struct extent service = {VTPM_QUEUE_POOL_PA, VTPM_ENGINE_PA + VTPM_ENGINE_MAX_BYTES};

	if (tree.start == 0) {
		return "is absent: the VideoCore has loaded none";
	}
	if (overlap(tree, firmware)) {
		return "lies in BL31's memory";
	}
	if (overlap(tree, service)) {
		return "lies in the service's memory";
	}
	if (tree.end > MEMORY_END) {
		return "lies in no memory";
	}
	return NULL;
}

static bool read_initrd(const void *tree, struct extent *out)
{
	static const char *const names[] = {"linux,initrd-start", "linux,initrd-end"};
	uint64_t *const ends[] = {&out->start, &out->end};
	int chosen = fdt_path_offset(tree, "/chosen");

	for (unsigned int at = 0; at < 2; at++) {
		int bytes = 0;
		const void *value = chosen < 0 ? NULL : fdt_getprop(tree, chosen, names[at], &bytes);

		if (value == NULL || (bytes != sizeof(uint32_t) && bytes != sizeof(uint64_t))) {
			return false;
		}
		*ends[at] = bytes == sizeof(uint32_t) ? fdt32_ld(value) : fdt64_ld(value);
	}
	return true;
}

/* The kernel's end is not known, since it may be any image; a tree behind its beginning shows by its own header. */
static const char *fault_of_neighbours(const void *data, struct extent tree)
{
	uint64_t kernel = plat_get_ns_image_entrypoint();
	struct extent initrd;

	if (overlap(tree, (struct extent){kernel, kernel + 1})) {
		return "reaches into the kernel";
	}
	if (read_initrd(data, &initrd) && overlap(tree, initrd)) {
		return "reaches into the initramfs";
	}
	return NULL;
}

static const char *fault_of(uint64_t start)
{
	struct extent tree = {start, start + HEADER_BYTES};
	const void *data = (const void *)(uintptr_t)start;
	const char *fault = fault_of_place(tree);

	if (fault != NULL) {
		return fault;
	}
	if (fdt_check_header(data) != 0) {
		return "is no device tree: something has overwritten it";
	}
	tree.end = start + fdt_totalsize(data) + GROWTH_BYTES;
	fault = fault_of_place(tree);
	return fault != NULL ? fault : fault_of_neighbours(data, tree);
}

bool treecheck_passed(void)
{
	return passed;
}

void __wrap_plat_rpi_bl31_custom_setup(void)
{
	uint64_t start = rpi4_get_dtb_address();
	const char *fault = fault_of(start);

	if (fault != NULL) {
		printf("vTPM: device tree at 0x%llx %s\n", (unsigned long long)start, fault);
		return;
	}
	passed = true;
	__real_plat_rpi_bl31_custom_setup();
}
