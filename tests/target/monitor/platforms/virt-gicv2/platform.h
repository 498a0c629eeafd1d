/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU `virt` with a GICv2, for tests of what boards with a GIC-400 have.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#define PLAT_MONITOR_BASE 0x42000000
#define PLAT_MONITOR_END 0x44000000

#define PLAT_CPUS 4U
#define PLAT_CPU_MPIDR(cpu) ((uint64_t)(cpu))

#define PLAT_UART_BASE 0x09000000UL
#define PLAT_UART_INTID 33U
#define PLAT_GIC_VERSION 2
#define PLAT_GICD_BASE 0x08000000UL
#define PLAT_GICC_BASE 0x08010000UL
#define PLAT_GICH_BASE 0x08030000UL
#define PLAT_GICV_BASE 0x08040000UL

#define PLAT_DRAM_FIRST_GIB 1U
#define PLAT_DRAM_GIBS 1U

#define PLAT_VM_RAM_BASE 0x44000000UL
#define PLAT_VM_RAM_END 0x50000000UL

#endif
