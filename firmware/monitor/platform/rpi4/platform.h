/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raspberry Pi 4, 1 GiB or more, with the peripherals where they are after reset and GIC-400: what the monitor needs to
 * know of the board. Interrupts: BCM2711 ARM Peripherals, chapter 6; the first shared one is INTID 32.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

/* Where the VideoCore puts the monitor (`kernel_address`), and where it must end. */
#define PLAT_MONITOR_BASE 0x00200000
#define PLAT_MONITOR_END 0x04000000

#define PLAT_CPUS 4U
#define PLAT_CPU_MPIDR(cpu) ((uint64_t)(cpu))

#define PLAT_UART_BASE 0xFE201000UL /* PL011, UART0 */
#define PLAT_UART_INTID 153U
#define PLAT_CONSOLE_PINS /* the VideoCore may have connected another UART: pins.c */
#define PLAT_GPIO_BASE 0xFE200000UL
#define PLAT_MINI_UART_BASE 0xFE215040UL
#define PLAT_GIC_VERSION 2
#define PLAT_GICD_BASE 0xFF841000UL
#define PLAT_GICC_BASE 0xFF842000UL
#define PLAT_GICH_BASE 0xFF844000UL
#define PLAT_GICV_BASE 0xFF846000UL

/* Whole GiB that hold DRAM, for the monitor's own tables; everything else is device memory to it. */
#define PLAT_DRAM_FIRST_GIB 0U
#define PLAT_DRAM_GIBS 1U

/* RAM that is handed out to VMs. */
#define PLAT_VM_RAM_BASE 0x10000000UL
#define PLAT_VM_RAM_END 0x1C000000UL

#endif
