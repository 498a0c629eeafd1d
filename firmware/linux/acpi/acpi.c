/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ACPI tables of a virtual machine: RSDP, XSDT, FADT, MADT, GTDT, DSDT, and TPM2 if it has a vTPM. Fields are
 * written in the order of the specification (ACPI 6.4; TCG ACPI specification 1.3 for TPM2), so the code reads beside
 * its tables.
 */
#include "acpi.h"

#include <stddef.h>

#include "aml.h"
#include "vtpm_abi.h"

/* ACPI 6.4, 5.2.6: the header of every table. */
#define HEADER_BYTES 36
#define HEADER_LENGTH 4
#define HEADER_CHECKSUM 9
#define OEM_ID "HIL   "
#define OEM_TABLE_ID "VTPM    "
#define CREATOR_ID "HIL "

/* 5.2.9: offsets in the FADT, revision 6, and its flags. */
#define FADT_BYTES 276
#define FADT_FLAGS 112
#define FADT_ARM_BOOT_FLAGS 129
#define FADT_X_DSDT 140
#define FADT_HW_REDUCED (1u << 20)
#define FADT_PSCI_COMPLIANT (1u << 0)
#define FADT_PSCI_BY_HVC (1u << 1)

/* 5.2.12: interrupt controller structures of the MADT. */
#define MADT_GICC 0x0B
#define MADT_GICC_BYTES 80
#define MADT_GICC_ENABLED (1u << 0)
#define MADT_GICD 0x0C
#define MADT_GICD_BYTES 24
#define MADT_GICR 0x0E
#define MADT_GICR_BYTES 16
#define GICR_BYTES_PER_CPU 0x20000

/* 5.2.25: GTDT; the interrupts are the architecture's recommendation (Arm BSA, PPI assignments). */
#define NO_BLOCK UINT64_MAX
#define TIMER_SECURE 29
#define TIMER_PHYSICAL 30
#define TIMER_VIRTUAL 27
#define TIMER_EL2 26

/* TCG ACPI specification 1.3, table 7 and section 9: start method "command response buffer interface with Arm SMC". */
#define TPM2_START_ARM_SMC 11
#define TPM2_PLATFORM_CLIENT 0

/* 5.2.5.3 */
#define RSDP_CHECKSUM 8
#define RSDP_EXTENDED_CHECKSUM 32
#define RSDP_BYTES 36

/* Starts a table with its header, and returns what end() takes. */
static size_t begin(struct writer *writer, const char *signature, uint8_t revision)
{
	writer_align(writer, 8);

	size_t start = writer->used;

	writer_bytes(writer, signature, 4);
	writer_u32(writer, 0); /* length: by end() */
	writer_u8(writer, revision);
	writer_u8(writer, 0); /* checksum: by end() */
	writer_bytes(writer, OEM_ID, 6);
	writer_bytes(writer, OEM_TABLE_ID, 8);
	writer_u32(writer, 1);
	writer_bytes(writer, CREATOR_ID, 4);
	writer_u32(writer, 1);
	return start;
}

/* Completes the header of a table, and returns the guest's address of it. */
static uint64_t end(struct writer *writer, size_t start)
{
	writer_patch_u32(writer, start + HEADER_LENGTH, (uint32_t)(writer->used - start));
	writer_checksum(writer, start, start + HEADER_CHECKSUM);
	return writer->address + start;
}

/*
 * Devices: processors, virtio devices, and the TPM. The TPM's resource is its queue, from which Linux's tpm_crb driver
 * takes how much it may map.
 */
static uint64_t dsdt(struct writer *writer, const struct machine *machine)
{
	size_t table = begin(writer, "DSDT", 2);
	size_t scope = aml_begin_system_bus(writer);

	for (unsigned int i = 0; i < machine->cpus; i++)
		aml_end(writer, aml_begin_device(writer, "C0", i, "ACPI0007"));
	for (unsigned int i = 0; i < machine->device_count; i++) {
		size_t device = aml_begin_device(writer, "V0", i, "LNRO0005");

		aml_coherent(writer);
		aml_resources(writer, machine->devices[i].address, VTPM_PAGE_BYTES, machine->devices[i].interrupt);
		aml_end(writer, device);
	}
	if (machine->queue != 0) {
		size_t device = aml_begin_device(writer, "T0", 0, "MSFT0101");

		aml_resources(writer, machine->queue, machine->queue_bytes, AML_NO_INTERRUPT);
		aml_end(writer, device);
	}
	aml_end(writer, scope);
	return end(writer, table);
}

static uint64_t fadt(struct writer *writer, const struct machine *machine, uint64_t dsdt_address)
{
	size_t table = begin(writer, "FACP", 6);
	uint16_t boot_flags = FADT_PSCI_COMPLIANT | (machine->psci_by_hvc ? FADT_PSCI_BY_HVC : 0);

	writer_zeros(writer, FADT_FLAGS - HEADER_BYTES);
	writer_u32(writer, FADT_HW_REDUCED);
	writer_zeros(writer, FADT_ARM_BOOT_FLAGS - FADT_FLAGS - sizeof(uint32_t));
	writer_u16(writer, boot_flags);
	writer_zeros(writer, FADT_X_DSDT - FADT_ARM_BOOT_FLAGS - sizeof(boot_flags));
	writer_u64(writer, dsdt_address);
	writer_zeros(writer, FADT_BYTES - FADT_X_DSDT - sizeof(dsdt_address));
	return end(writer, table);
}

static void gic_cpu(struct writer *writer, const struct machine *machine, unsigned int cpu)
{
	writer_u8(writer, MADT_GICC);
	writer_u8(writer, MADT_GICC_BYTES);
	writer_u16(writer, 0);
	writer_u32(writer, cpu); /* CPU interface number */
	writer_u32(writer, cpu); /* _UID of the processor device */
	writer_u32(writer, MADT_GICC_ENABLED);
	writer_u32(writer, 0); /* parking protocol: none */
	writer_u32(writer, 0); /* performance interrupt: none */
	writer_u64(writer, 0); /* parked address */
	writer_u64(writer, machine->gic == GIC_V2 ? machine->gic_cpus : 0);
	writer_u64(writer, 0);   /* GICV */
	writer_u64(writer, 0);   /* GICH */
	writer_u32(writer, 0);   /* maintenance interrupt */
	writer_u64(writer, 0);   /* GICR: the MADT has the whole region */
	writer_u64(writer, cpu); /* MPIDR */
	writer_u32(writer, 0);   /* efficiency class, reserved, SPE interrupt */
}

static uint64_t madt(struct writer *writer, const struct machine *machine)
{
	size_t table = begin(writer, "APIC", 5);

	writer_u64(writer, 0); /* local interrupt controller and flags: not for Arm */
	for (unsigned int i = 0; i < machine->cpus; i++)
		gic_cpu(writer, machine, i);
	writer_u8(writer, MADT_GICD);
	writer_u8(writer, MADT_GICD_BYTES);
	writer_u16(writer, 0);
	writer_u32(writer, 0); /* GIC id */
	writer_u64(writer, machine->gic_distributor);
	writer_u32(writer, 0);            /* reserved */
	writer_u32(writer, machine->gic); /* version and three reserved bytes */
	if (machine->gic == GIC_V3) {
		writer_u8(writer, MADT_GICR);
		writer_u8(writer, MADT_GICR_BYTES);
		writer_u16(writer, 0);
		writer_u64(writer, machine->gic_cpus);
		writer_u32(writer, machine->cpus * GICR_BYTES_PER_CPU);
	}
	return end(writer, table);
}

static uint64_t gtdt(struct writer *writer)
{
	static const uint32_t timers[] = {TIMER_SECURE, TIMER_PHYSICAL, TIMER_VIRTUAL, TIMER_EL2};
	size_t table = begin(writer, "GTDT", 2);

	writer_u64(writer, NO_BLOCK); /* counter control */
	writer_u32(writer, 0);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		writer_u32(writer, timers[i]);
		writer_u32(writer, 0); /* level, active high */
	}
	writer_u64(writer, NO_BLOCK); /* counter read */
	writer_u64(writer, 0);        /* platform timers: none */
	return end(writer, table);
}

/*
 * TCG ACPI specification 1.3, table 7: the control area, and start method 11, which names the function identifier of
 * the doorbell.
 */
static uint64_t tpm2(struct writer *writer, const struct machine *machine)
{
	size_t table = begin(writer, "TPM2", 4);

	writer_u32(writer, TPM2_PLATFORM_CLIENT);
	writer_u64(writer, machine->queue + VTPM_CRB_CONTROL_AREA);
	writer_u32(writer, TPM2_START_ARM_SMC);
	writer_u32(writer, 0); /* interrupt: none */
	writer_u32(writer, 0); /* flags, reserved */
	writer_u32(writer, VTPM_FID_DOORBELL);
	return end(writer, table);
}

static uint64_t rsdp(struct writer *writer, uint64_t xsdt_address)
{
	writer_align(writer, 16);

	size_t start = writer->used;

	writer_bytes(writer, "RSD PTR ", 8);
	writer_u8(writer, 0);
	writer_bytes(writer, OEM_ID, 6);
	writer_u8(writer, 2); /* revision */
	writer_u32(writer, 0);
	writer_checksum(writer, start, start + RSDP_CHECKSUM);
	writer_u32(writer, RSDP_BYTES);
	writer_u64(writer, xsdt_address);
	writer_u32(writer, 0);
	writer_checksum(writer, start, start + RSDP_EXTENDED_CHECKSUM);
	return writer->address + start;
}

uint64_t acpi_write(struct writer *writer, const struct machine *machine)
{
	uint64_t tables[4];
	size_t count = 0;

	tables[count++] = fadt(writer, machine, dsdt(writer, machine));
	tables[count++] = madt(writer, machine);
	tables[count++] = gtdt(writer);
	if (machine->queue != 0)
		tables[count++] = tpm2(writer, machine);

	size_t xsdt = begin(writer, "XSDT", 1);

	for (size_t i = 0; i < count; i++)
		writer_u64(writer, tables[i]);
	return rsdp(writer, end(writer, xsdt));
}
