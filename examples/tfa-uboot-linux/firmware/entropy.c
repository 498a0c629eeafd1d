/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The entropy source behind TF-A's TRNG service: RNDRRS of FEAT_RNG, which QEMU's `-cpu max` has.
 */
#include <stdbool.h>
#include <stdint.h>

#include <arch_helpers.h>
#include <plat/common/plat_trng.h>

#define ATTEMPTS 10

/* Arm ARM, NZCV: Z in bit 30. RNDRRS sets it, with the other flags clear, when it gives no random number. */
#define NZCV_Z (1ULL << 30)

/* What TRNG_GET_UUID answers: this source, in this example. */
uuid_t plat_trng_uuid = {
	{0x8e, 0x1f, 0x5a, 0x3c}, {0x0b, 0x74}, {0x4d, 0x19}, 0xa2, 0x66, {0x51, 0xc7, 0x9d, 0x02, 0xe8, 0x3b}};

void plat_entropy_setup(void)
{
}

bool plat_get_entropy(uint64_t *out)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		uint64_t value;
		uint64_t flags;

		/* RNDRRS is S3_3_C2_C4_1: the assembler knows it by name only for Armv8.5. */
		__asm__ volatile("mrs %0, s3_3_c2_c4_1\n\tmrs %1, nzcv" : "=r"(value), "=r"(flags) : : "cc");
		if ((flags & NZCV_Z) == 0U) {
			*out = value;
			return true;
		}
	}
	return false;
}
