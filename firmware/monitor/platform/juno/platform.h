/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arm Juno: what the monitor needs to know of the board. Addresses and interrupts: Juno Arm Development Platform SoC
 * technical reference manual (DDI 0515), chapter 3.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

/* Where TF-A puts the monitor, and where it must end. */
#define PLAT_MONITOR_BASE 0x90000000
#define PLAT_MONITOR_END 0x94000000

/* The four Cortex-A53; a board that boots on one of the large processors has that one instead of the last. */
#define PLAT_CPUS 4U
#define PLAT_CPU_MPIDR(cpu) (0x100ULL + (cpu))

#define PLAT_UART_BASE 0x7FF80000UL /* PL011, UART0 of the SoC */
#define PLAT_UART_INTID 115U
#define PLAT_GIC_VERSION 2
#define PLAT_GICD_BASE 0x2C010000UL
#define PLAT_GICC_BASE 0x2C02F000UL
#define PLAT_GICH_BASE 0x2C04F000UL
#define PLAT_GICV_BASE 0x2C06F000UL

/*
 * Whole GiB that hold DRAM, for the monitor's own tables; everything else is device memory to it. Not the second one:
 * the secure DRAM is at its end, and must not be looked at before a test asks for it.
 */
#define PLAT_DRAM_FIRST_GIB 2U
#define PLAT_DRAM_GIBS 1U

/* RAM that is handed out to VMs. */
#define PLAT_VM_RAM_BASE 0x94000000UL
#define PLAT_VM_RAM_END 0xA0000000UL

#endif
