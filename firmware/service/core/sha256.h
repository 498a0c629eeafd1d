/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SHA-256 (FIPS 180-4), for code that runs before there is an engine. Plain C, because not every CPU has the
 * instructions.
 */
#ifndef VTPM_SHA256_H
#define VTPM_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_BLOCK_BYTES 64

struct sha256 {
	uint32_t h[8];
	uint64_t bytes; /* hashed so far; those that do not fill a block yet are in `block` */
	uint8_t block[SHA256_BLOCK_BYTES];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t bytes);

/* Gives the digest, and leaves nothing of the data in `hash`. */
void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_BYTES]);

#endif
