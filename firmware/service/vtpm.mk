# SPDX-License-Identifier: BSD-3-Clause
#
# Chosen with SPD=vtpm. TF-A calls this kind of file a secure payload dispatcher; ours dispatches to no payload but is
# the service itself. The engine travels in the BL32 slot: BL32=engine.bin.

VTPM_DIR		:=	services/spd/vtpm

SPD_INCLUDES		:=	-I${VTPM_DIR}/include			\
				-I${VTPM_DIR}/core			\
				-I${VTPM_DIR}/tfa

SPD_SOURCES		:=	$(wildcard ${VTPM_DIR}/core/*.c)	\
				$(wildcard ${VTPM_DIR}/tfa/*.c)		\
				$(wildcard ${VTPM_DIR}/tfa/*.S)

NEED_BL32		:=	yes

# Locks compile to exclusive loads and stores, without libgcc's helpers.
TF_CFLAGS		+=	-mno-outline-atomics

# An address in a crash leads to a line of code, in release builds too. None of it is in the image. Files are named from
# the root of this tree, so that the same sources give the same files in any directory.
TF_CFLAGS		+=	-g -gdwarf-4 -ffile-prefix-map=$(abspath .)=.
ASFLAGS			+=	-g -Wa,-gdwarf-4 -ffile-prefix-map=$(abspath .)=.

# A command passes through some forty small functions. TF-A's -Os would call each, and clear and copy registers by loops.
VTPM_OBJECTS		:=	$(patsubst %.c,${BUILD_PLAT}/bl31/%.o,$(notdir $(filter %.c,${SPD_SOURCES})))
${VTPM_OBJECTS}: TF_CFLAGS +=	-O2

# The engine's regions are mapped when its header has been read.
$(eval $(call add_define_val,PLAT_XLAT_TABLES_DYNAMIC,1))

# For hil run --coverage: a counter per branch, in BL31's memory, where the host reads it. No code of gcc's runtime takes
# part. Functions stay apart, so that each has lines of its own.
ifeq (${VTPM_COVERAGE},1)
${VTPM_OBJECTS}: \
	TF_CFLAGS	+=	-fprofile-arcs -ftest-coverage		\
				-fprofile-update=atomic			\
				-fprofile-info-section -fno-inline
endif
