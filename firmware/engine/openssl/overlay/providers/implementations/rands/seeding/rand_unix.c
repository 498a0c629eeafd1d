/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for OpenSSL's rand_unix.c: seeds OpenSSL's generators from the engine's only source of entropy.
 */
#include <stddef.h>
#include <stdint.h>

#include "crypto/rand_pool.h"
#include "prov/seeding.h"

/* firmware/engine/src/entropy.c: fills all of it, or leaves the engine. */
void engine_entropy(uint8_t *out, size_t bytes);

enum { BITS_PER_BYTE = 8, NONCE_BYTES = 16 };

static int add_entropy(RAND_POOL *pool, size_t bytes)
{
	unsigned char *buffer = ossl_rand_pool_add_begin(pool, bytes);

	if (buffer == NULL) {
		return 0;
	}
	engine_entropy(buffer, bytes);
	return ossl_rand_pool_add_end(pool, bytes, bytes * BITS_PER_BYTE);
}

size_t ossl_pool_acquire_entropy(RAND_POOL *pool)
{
	size_t needed = ossl_rand_pool_bytes_needed(pool, 1);

	if (needed > 0) {
		(void)add_entropy(pool, needed);
	}
	return ossl_rand_pool_entropy_available(pool);
}

/* A random nonce of 128 bits does not repeat: NIST SP 800-90A, 8.6.7, option 1. */
int ossl_pool_add_nonce_data(RAND_POOL *pool)
{
	uint8_t nonce[NONCE_BYTES];

	engine_entropy(nonce, sizeof(nonce));
	return ossl_rand_pool_add(pool, nonce, sizeof(nonce), 0);
}

int ossl_rand_pool_add_additional_data(RAND_POOL *pool)
{
	(void)pool;
	return 1;
}

int ossl_rand_pool_init(void)
{
	return 1;
}

void ossl_rand_pool_cleanup(void)
{
}

void ossl_rand_pool_keep_random_devices_open(int keep)
{
	(void)keep;
}
