# SPDX-License-Identifier: BSD-3-Clause
#
# Arm Juno with the vTPM service: the stock platform, with our platform_def.h in front of its own. The lab's SCP firmware
# goes into the FIP as SCP_BL2.

# A crash of the firmware must be seen, in release builds too.
override CRASH_REPORTING	:=	1

# Its processors have no vectors longer than 128 bits.
ENABLE_SVE_FOR_NS	:=	0
ENABLE_SME_FOR_NS	:=	0

# The engine goes into DRAM that the TZC-400 protects.
override ARM_TSP_RAM_LOCATION	:=	dram

# The stock platform names its device trees after itself.
OURS				:=	${PLAT}
override PLAT			:=	juno
include plat/arm/board/juno/platform.mk
FDT_SOURCES			:=	${FDT_SOURCES}
override PLAT			:=	${OURS}

# All of its processors may walk tables speculatively for AT; Juno r2 has Cortex-A72 instead of A57.
ERRATA_A53_1530924		:=	1
ERRATA_A57_1319537		:=	1
ERRATA_A72_1319367		:=	1

PLAT_INCLUDES			:=	-Iplat/hil/${OURS}/include ${PLAT_INCLUDES}

BL31_SOURCES			+=	plat/hil/${OURS}/board.c common/fdt_fixup.c
