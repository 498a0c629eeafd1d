/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SHA-256, as FIPS 180-4 describes it; the names are the standard's.
 */
#include "sha256.h"

#include <string.h>

#define ROUNDS 64
#define LENGTH_BYTES 8 /* at the end of the last block: FIPS 180-4, 5.1.1 */

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k[ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* FIPS 180-4, 5.3.3. */
static const uint32_t initial[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t rotated(uint32_t word, unsigned int right)
{
	return word >> right | word << (32 - right);
}

static uint32_t load(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void store(uint8_t *at, uint32_t word)
{
	for (unsigned int byte = 0; byte < sizeof(word); byte++) {
		at[byte] = (uint8_t)(word >> (24 - 8 * byte));
	}
}

/* FIPS 180-4, 6.2.2, step 1. */
static void schedule(const uint8_t *block, uint32_t w[ROUNDS])
{
	for (unsigned int t = 0; t < 16; t++) {
		w[t] = load(&block[4 * t]);
	}
	for (unsigned int t = 16; t < ROUNDS; t++) {
		uint32_t s0 = rotated(w[t - 15], 7) ^ rotated(w[t - 15], 18) ^ w[t - 15] >> 3;
		uint32_t s1 = rotated(w[t - 2], 17) ^ rotated(w[t - 2], 19) ^ w[t - 2] >> 10;

		w[t] = s1 + w[t - 7] + s0 + w[t - 16];
	}
}

/* FIPS 180-4, 6.2.2, steps 2 to 4. */
static void compress(uint32_t h[8], const uint8_t *block)
{
	uint32_t w[ROUNDS];
	uint32_t v[8];

	schedule(block, w);
	memcpy(v, h, sizeof(v));
	for (unsigned int t = 0; t < ROUNDS; t++) {
		uint32_t s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25);
		uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t t1 = v[7] + s1 + choice + k[t] + w[t];
		uint32_t s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22);
		uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

		memmove(&v[1], &v[0], 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + s0 + majority;
	}
	for (unsigned int i = 0; i < 8; i++) {
		h[i] += v[i];
	}
}

void sha256_start(struct sha256 *hash)
{
	memcpy(hash->h, initial, sizeof(hash->h));
	hash->bytes = 0;
}

void sha256_add(struct sha256 *hash, const void *data, size_t bytes)
{
	const uint8_t *from = data;

	while (bytes != 0) {
		size_t have = hash->bytes % SHA256_BLOCK_BYTES;
		size_t part = bytes < SHA256_BLOCK_BYTES - have ? bytes : SHA256_BLOCK_BYTES - have;

		memcpy(&hash->block[have], from, part);
		hash->bytes += part;
		from += part;
		bytes -= part;
		if (have + part == SHA256_BLOCK_BYTES) {
			compress(hash->h, hash->block);
		}
	}
}

void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_BYTES])
{
	static const uint8_t end[SHA256_BLOCK_BYTES] = {0x80};
	uint64_t bits = hash->bytes * 8;
	uint8_t length[LENGTH_BYTES];
	size_t have = hash->bytes % SHA256_BLOCK_BYTES;
	size_t room = have < SHA256_BLOCK_BYTES - LENGTH_BYTES ? SHA256_BLOCK_BYTES : 2 * SHA256_BLOCK_BYTES;

	store(&length[0], (uint32_t)(bits >> 32));
	store(&length[4], (uint32_t)bits);
	sha256_add(hash, end, room - LENGTH_BYTES - have);
	sha256_add(hash, length, sizeof(length));
	for (unsigned int i = 0; i < 8; i++) {
		store(&digest[4 * i], hash->h[i]);
	}
	memset(hash, 0, sizeof(*hash));
}
