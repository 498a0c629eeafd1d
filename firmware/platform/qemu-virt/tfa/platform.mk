# SPDX-License-Identifier: BSD-3-Clause
#
# QEMU's `virt` machine with the vTPM service: the stock platform, with GICv3 and with our platform_def.h in front of
# its own. Another board does the same with its stock platform.

# A crash of the firmware must be seen, in release builds too.
override CRASH_REPORTING	:=	1

override QEMU_USE_GIC_DRIVER	:=	QEMU_GICV3

include plat/qemu/qemu/platform.mk

# `-cpu max` has it where the machine has memory for tags; the stock platform has SVE and SME already.
ENABLE_FEAT_MTE2	:=	2

PLAT_INCLUDES		:=	-Iplat/hil/qemu_virt/include ${PLAT_INCLUDES}

# The service announces its queue pool in the device tree.
BL31_SOURCES		+=	plat/hil/qemu_virt/board.c ${FDT_WRAPPERS_SOURCES}
