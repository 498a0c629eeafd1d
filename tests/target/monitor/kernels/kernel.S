/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kernels of a few instructions, for what a guest with an operating system may count on; the name of one is defined when
 * this is assembled. Position independent; MMU off.
 */
	.equ	UART, 0x09000000
	.equ	NOWHERE, 0x0e000000
	.equ	GICD, 0x08000000
	.equ	GICR_SGI, 0x080b0000
	.equ	GICC, 0x08010000
	.equ	PSCI_SYSTEM_OFF, 0x84000008
	.equ	PSCI_SYSTEM_RESET, 0x84000009
	.equ	PSCI_CPU_ON, 0xc4000003
	.equ	IMAGE_BYTES, 0x1000

	.macro	call function
	ldr	x0, =\function
	hvc	#0
	.endm

	.macro	say character
	mov	w1, #\character
	bl	put
	.endm

	/* The header of an Image: Documentation/arch/arm64/booting.rst of Linux. */
	b	start
	.word	0
	.quad	0
#ifdef TOO_LARGE
	.quad	0x100000000
#else
	.quad	IMAGE_BYTES
#endif
	.quad	0, 0, 0, 0
	.ascii	"ARM\x64"
	.word	0

put:
	ldr	x9, =UART
	str	w1, [x9]
	ret

/* Says w0 as two hexadecimal digits. */
put_byte:
	mov	x10, x30
	ubfx	w1, w0, #4, #4
	bl	put_digit
	and	w1, w0, #0xf
	bl	put_digit
	mov	x30, x10
	ret
put_digit:
	add	w1, w1, #'0'
	cmp	w1, #'9'
	b.ls	put
	add	w1, w1, #('a' - '9' - 1)
	b	put

	.balign	0x800
vectors:
	.rept	16
	.balign	0x80
	b	exception
	.endr

/* Says class and low byte of the syndrome. */
exception:
	mrs	x11, esr_el1
	lsr	w0, w11, #26
	bl	put_byte
	and	w0, w11, #0xff
	bl	put_byte
	call	PSCI_SYSTEM_OFF

start:
	adr	x1, vectors
	msr	vbar_el1, x1

#if defined(SPEAK)
	say	'h'
	say	'i'
	mrs	x0, mpidr_el1
	bl	put_byte
	call	PSCI_SYSTEM_OFF
#elif defined(RESTART)
	call	PSCI_SYSTEM_RESET
#elif defined(REACH)
	ldr	x1, =NOWHERE
	ldr	w0, [x1]
#elif defined(FORBIDDEN)
	msr	s3_0_c12_c11_6, x0 /* ICC_ASGI1R_EL1 */
#elif defined(CPU_ON)
	mov	x1, #1
	adr	x2, start
	call	PSCI_CPU_ON
	bl	put_byte
	call	PSCI_SYSTEM_OFF
#elif defined(INTERRUPTS_V3)
	.macro	enable
	ldr	x1, =GICD
	mov	w0, #2
	str	w0, [x1]
	ldr	x1, =GICR_SGI
	ldr	w0, =(1 << 27 | 1 << 3)
	str	w0, [x1, #0x100]
	mov	x0, #0xff
	msr	s3_0_c4_c6_0, x0 /* ICC_PMR_EL1 */
	mov	x0, #1
	msr	s3_0_c12_c12_7, x0 /* ICC_IGRPEN1_EL1 */
	isb
	.endm
	.macro	take_x13
	mrs	x13, s3_0_c12_c12_0 /* ICC_IAR1_EL1 */
	.endm
	.macro	end_x13
	msr	s3_0_c12_c12_1, x13 /* ICC_EOIR1_EL1 */
	isb
	.endm
	.macro	send_3
	ldr	x12, =(3 << 24 | 1)
	msr	s3_0_c12_c11_5, x12 /* ICC_SGI1R_EL1: to this one */
	.endm
#elif defined(INTERRUPTS_V2)
	.macro	enable
	ldr	x1, =GICD
	mov	w0, #1
	str	w0, [x1]
	ldr	w0, =(1 << 27 | 1 << 3)
	str	w0, [x1, #0x100]
	ldr	x1, =GICC
	mov	w0, #0xff
	str	w0, [x1, #0x04] /* GICC_PMR */
	mov	w0, #1
	str	w0, [x1] /* GICC_CTLR */
	.endm
	.macro	take_x13
	ldr	x1, =GICC
	ldr	w13, [x1, #0x0c] /* GICC_IAR */
	.endm
	.macro	end_x13
	ldr	x1, =GICC
	str	w13, [x1, #0x10] /* GICC_EOIR */
	.endm
	.macro	send_3
	ldr	x1, =GICD
	ldr	w0, =(2 << 24 | 3)
	str	w0, [x1, #0xf00] /* GICD_SGIR: to this one */
	.endm
#else
1:	wfi
	b	1b
#endif

#if defined(INTERRUPTS_V2) || defined(INTERRUPTS_V3)
	/* Interrupts stay masked: what is pending is acknowledged by hand. */
	enable
	bl	acknowledge /* nothing: 1023 */
	send_3
	bl	acknowledge
	send_3 /* again, while it is active */
	end_x13
	bl	acknowledge
	end_x13
	msr	cntv_cval_el0, xzr
	mov	x0, #1
	msr	cntv_ctl_el0, x0
	isb
	wfi
	bl	acknowledge
	call	PSCI_SYSTEM_OFF
acknowledge:
	mov	x14, x30
	take_x13
	and	w0, w13, #0xff
	bl	put_byte
	mov	x30, x14
	ret
#endif
	.ltorg
	.balign	IMAGE_BYTES
