/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entropy from the service, by its call ENTROPY. Every random bit of the engine comes through engine_entropy():
 * the seeds of OpenSSL's generators (openssl/overlay/) and libtpms' own platform entropy. libtpms' version of the
 * latter, which this file replaces, falls back to rand() when OpenSSL fails; here a failure ends the call, so that no
 * key is made from less.
 */
#include "entropy.h"

#include "calls.h"
#include "leave.h"

void engine_entropy(uint8_t *out, size_t bytes)
{
	while (bytes > 0) {
		size_t part = bytes < ENGINE_ENTROPY_MAX_BYTES ? bytes : ENGINE_ENTROPY_MAX_BYTES;

		if (engine_call_entropy(out, part) != 0) {
			engine_no_entropy();
		}
		out += part;
		bytes -= part;
	}
}

/* libtpms, Platform_fp.h. Returns the bytes delivered. Amount 0 asks the source to reseed, which the service's does. */
int32_t _plat__GetEntropy(unsigned char *entropy, uint32_t amount)
{
	if (amount > 0) {
		engine_entropy(entropy, amount);
	}
	return (int32_t)amount;
}
