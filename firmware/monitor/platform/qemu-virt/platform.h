/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU `virt`, 256 MiB, GICv3: what the monitor needs to know of the board.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

/* Where TF-A puts the monitor, and where it must end. */
#define PLAT_MONITOR_BASE 0x42000000
#define PLAT_MONITOR_END 0x44000000

#define PLAT_CPUS 4U
#define PLAT_CPU_MPIDR(cpu) ((uint64_t)(cpu))

#define PLAT_UART_BASE 0x09000000UL /* PL011 */
#define PLAT_UART_INTID 33U
#define PLAT_GIC_VERSION 3
#define PLAT_GICD_BASE 0x08000000UL
#define PLAT_GICR_BASE 0x080A0000UL

/* Whole GiB that hold DRAM, for the monitor's own tables; everything else is device memory to it. */
#define PLAT_DRAM_FIRST_GIB 1U
#define PLAT_DRAM_GIBS 1U

/* RAM that is handed out to VMs. */
#define PLAT_VM_RAM_BASE 0x44000000UL
#define PLAT_VM_RAM_END 0x50000000UL

#endif
