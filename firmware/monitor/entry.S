/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where CPUs enter the monitor. CPU 0: from the boot firmware, at EL2, MMU off. Others: from PSCI CPU_ON, with x0 ->
 * struct cpu, which begins with the top of their stack.
 *
 * The image begins as a Linux kernel's does (Documentation/arch/arm64/booting.rst, "Call the kernel image"), so that
 * U-Boot's `booti` starts it: MMU and caches off, its data written back, and the image moved to where it is linked.
 */
	.section .text.entry, "ax"
	.global monitor_entry
monitor_entry:
	b	start
	.word	0
	.quad	image_offset /* from the start of DRAM, where a loader with flag bit 3 clear counts from */
	.quad	image_bytes  /* with what the monitor clears itself */
	.quad	0 /* flags: little endian; not just anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0

start:
	/* The monitor uses EL2's registers: entered anywhere else, it could only fail later and worse. */
	mrs	x1, CurrentEL
	cmp	x1, #(2 << 2)
	b.ne	park
	msr	daifset, #0xf
	/* Memory is whatever the loader left there. Both bounds are multiples of 16 (monitor.ld). */
	ldr	x1, =__bss_start
	ldr	x2, =__bss_end
1:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	1b
	ldr	x0, =boot_stack_top
	mov	sp, x0
	bl	monitor_main

	.global park
park:	wfi
	b	park

	.text
	.global cpu_entry
cpu_entry:
	msr	daifset, #0xf
	ldr	x1, [x0]
	mov	sp, x1
	bl	cpu_main
	b	park

	.bss
	.balign	16
	.space	0x8000 /* CPU 0 runs the shell on it */
boot_stack_top:
