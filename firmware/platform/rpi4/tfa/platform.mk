# SPDX-License-Identifier: BSD-3-Clause
#
# The Raspberry Pi 4 with the vTPM service: the stock platform, with our platform_def.h in front of its own. There is
# only BL31, which the VideoCore starts as `armstub`; it finds the engine in memory.

# A crash of the firmware must be seen, in release builds too.
override CRASH_REPORTING	:=	1

# Cortex-A72 has no vectors longer than 128 bits.
ENABLE_SVE_FOR_NS	:=	0
ENABLE_SME_FOR_NS	:=	0

include plat/rpi/rpi4/platform.mk

# Cortex-A72 may walk tables speculatively for AT, all revisions.
ERRATA_A72_1319367	:=	1

PLAT_INCLUDES		:=	-Iplat/hil/rpi4_vtpm/include ${PLAT_INCLUDES}

BL31_SOURCES		+=	plat/hil/rpi4_vtpm/board.c		\
				plat/hil/rpi4_vtpm/rng200.c		\
				plat/hil/rpi4_vtpm/treecheck.c

# The device tree is looked at before TF-A's function of this name changes it.
TF_LDFLAGS		+=	-Wl,--wrap=plat_rpi_bl31_custom_setup
