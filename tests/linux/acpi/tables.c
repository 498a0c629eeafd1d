/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the tables of a machine to standard output, on the host.
 *
 *   tables CPUS GIC-VERSION QUEUE-BYTES LIMIT
 *
 * LIMIT is the memory there is for them; the addresses that the kernel gets are said on standard error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "acpi.h"
#include "efi.h"
#include "fdt.h"

#define RAM 0x40000000u
#define RAM_BYTES 0x10000000u
#define RESERVED_BYTES 0x200000u
#define WORDS 5
#define OVERFLOWED 3

int main(int count, char **words)
{
	static const struct virtio_device devices[] = {{0x0A000000, 48}, {0x0A001000, 49}};

	if (count != WORDS)
		return EXIT_FAILURE;

	size_t limit = strtoul(words[4], NULL, 0);
	uint64_t queue_bytes = strtoul(words[3], NULL, 0);
	uint8_t *memory = malloc(limit);
	struct machine machine = {
		.cpus = (unsigned int)atoi(words[1]),
		.psci_by_hvc = true,
		.gic = (enum gic_version)atoi(words[2]),
		.gic_distributor = 0x08000000,
		.gic_cpus = 0x080A0000,
		.ram = RAM,
		.ram_bytes = RAM_BYTES,
		.initrd = RAM + RESERVED_BYTES,
		.initrd_bytes = 0x1234,
		.arguments = "quiet",
		.devices = devices,
		.device_count = 2,
		.queue = queue_bytes != 0 ? 0x0C000000 : 0,
		.queue_bytes = queue_bytes,
	};
	struct writer writer = {.memory = memory, .size = limit, .address = RAM};
	uint64_t rsdp = acpi_write(&writer, &machine);
	struct efi_tables efi = efi_write(&writer, &machine, rsdp, RESERVED_BYTES);
	uint64_t device_tree = fdt_write(&writer, &machine, &efi);

	fwrite(memory, 1, writer.used, stdout);
	fprintf(stderr, "%" PRIu64 " %" PRIu64 "\n", rsdp - RAM, device_tree - RAM);
	free(memory);
	return writer.overflow ? OVERFLOWED : EXIT_SUCCESS;
}
