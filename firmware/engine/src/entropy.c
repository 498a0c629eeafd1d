/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entropy from the service, by the mailbox's callback. Every random bit of the engine comes through engine_entropy():
 * the seeds of OpenSSL's generators (openssl/overlay/) and libtpms' own platform entropy. libtpms' version of the
 * latter, which this file replaces, falls back to rand() when OpenSSL fails; here a failure ends the call, so that no
 * key is made from less.
 */
#include "entropy.h"

#include "leave.h"
#include "window.h"

void engine_entropy(uint8_t *out, size_t bytes)
{
	if (bytes > UINT32_MAX || engine_mailbox.entropy(out, (uint32_t)bytes) != 0) {
		engine_no_entropy();
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
