/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtual machine as its ACPI tables describe it. All addresses are intermediate physical ones, which the guest takes
 * for physical; no other kind occurs here, so they are plain numbers.
 */
#ifndef ACPI_MACHINE_H
#define ACPI_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum gic_version { GIC_V2 = 2, GIC_V3 = 3 };

/* A virtio device with registers in memory. `interrupt`: its INTID, level-sensitive. */
struct virtio_device {
	uint64_t address;
	uint32_t interrupt;
};

struct machine {
	unsigned int cpus; /* their MPIDR affinity is their number: at most 16 */
	bool psci_by_hvc;  /* else by SMC */
	enum gic_version gic;
	uint64_t gic_distributor;
	uint64_t gic_cpus; /* v2: the CPU interface; v3: the first redistributor */
	uint64_t ram;
	uint64_t ram_bytes;
	uint64_t initrd;
	uint64_t initrd_bytes;
	const char *arguments; /* the kernel's command line */
	const struct virtio_device *devices;
	unsigned int device_count;
	uint64_t queue;       /* of the vTPM; 0: it has none */
	uint64_t queue_bytes; /* whole pages */
};

#endif
