/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The physical address space of a guest with an operating system. It is the same under the monitor and under the VMM.
 */
#ifndef GUEST_MAP_H
#define GUEST_MAP_H

#define GIC_DISTRIBUTOR 0x08000000u
#define GIC_V2_CPU_INTERFACE 0x08010000u
#define GIC_V3_REDISTRIBUTORS 0x080A0000u
#define UART_ADDRESS 0x09000000u /* for an early console: a PL011 that only takes output */
#define CONSOLE_ADDRESS 0x0A000000u
#define CONSOLE_INTERRUPT 48u
#define QUEUE_ADDRESS 0x0C000000u /* of the first vTPM; that of each further one is a stride further */
#define QUEUE_STRIDE 0x00100000u  /* no queue is larger */
#define RAM_ADDRESS 0x40000000u

#endif
