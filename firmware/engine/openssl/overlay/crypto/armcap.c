/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for OpenSSL's crypto/armcap.c, which asks an operating system, or provokes undefined instructions, to
 * learn what the CPU can do. The engine is told: identification registers cannot be read at EL0.
 */
#include <stdint.h>

#include "arm_arch.h"

/* ID_AA64ISAR0_EL1: Arm ARM DDI 0487, D19.2.61. Each field is four bits wide. */
#define ISAR0_AES_SHIFT 4
#define ISAR0_SHA1_SHIFT 8
#define ISAR0_SHA2_SHIFT 12
#define ISAR0_FIELD_MASK 0xFu
#define ISAR0_AES 1u
#define ISAR0_AES_PMULL 2u
#define ISAR0_SHA1 1u
#define ISAR0_SHA256 1u
#define ISAR0_SHA512 2u

/* Read by OpenSSL's assembly to choose between implementations of one algorithm. */
unsigned int OPENSSL_armcap_P;
unsigned int OPENSSL_arm_midr;
unsigned int OPENSSL_armv8_rsa_neonized;

static unsigned int isar0_field(uint64_t isar0, unsigned int shift)
{
	return (unsigned int)(isar0 >> shift) & ISAR0_FIELD_MASK;
}

/* firmware/engine/src/entry.c: what the service has put into the mailbox. */
void engine_processor(uint64_t *midr, uint64_t *isar0);

void OPENSSL_cpuid_setup(void)
{
	uint64_t isar0;
	uint64_t midr;

	engine_processor(&midr, &isar0);

	unsigned int capabilities = ARMV7_NEON | ARMV8_CPUID;
	unsigned int aes = isar0_field(isar0, ISAR0_AES_SHIFT);
	unsigned int sha2 = isar0_field(isar0, ISAR0_SHA2_SHIFT);

	if (aes >= ISAR0_AES) {
		capabilities |= ARMV8_AES;
	}
	if (aes >= ISAR0_AES_PMULL) {
		capabilities |= ARMV8_PMULL;
	}
	if (isar0_field(isar0, ISAR0_SHA1_SHIFT) >= ISAR0_SHA1) {
		capabilities |= ARMV8_SHA1;
	}
	if (sha2 >= ISAR0_SHA256) {
		capabilities |= ARMV8_SHA256;
	}
	if (sha2 >= ISAR0_SHA512) {
		capabilities |= ARMV8_SHA512;
	}

	OPENSSL_armcap_P = capabilities;
	OPENSSL_arm_midr = (unsigned int)midr;
	/* On these cores the vector units multiply faster than the integer pipeline: crypto/bn/asm/armv8-mont.pl. */
	OPENSSL_armv8_rsa_neonized = MIDR_IS_CPU_MODEL(OPENSSL_arm_midr, ARM_CPU_IMP_ARM, ARM_CPU_PART_CORTEX_A72) ||
				     MIDR_IS_CPU_MODEL(OPENSSL_arm_midr, ARM_CPU_IMP_ARM, ARM_CPU_PART_N1);
}

/* Only a source of extra, uncounted randomness for OpenSSL; the engine's randomness all comes from one place. */
uint32_t OPENSSL_rdtsc(void)
{
	return 0;
}
