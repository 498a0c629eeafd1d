# SPDX-License-Identifier: BSD-3-Clause
#
# TF-A's own platform for QEMU's `virt` machine, with an entropy source: the stock platform has none, and TF-A's TRNG
# service asks the platform for one.
include plat/qemu/qemu/platform.mk

BL31_SOURCES		+=	plat/example/qemu_rndr/entropy.c
