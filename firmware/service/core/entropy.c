/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one function through which all entropy comes. It fails closed: a source that fails, or that repeats a word
 * (NIST SP 800-90B section 4.4.1, repetition count test; with 64 bits per word one repetition is a defect), makes the
 * whole request fail.
 */
#include <string.h>

#include "vtpm_port.h"
#include "vtpm_service.h"

uint32_t vtpm_entropy_fill(uint8_t *out, uint32_t bytes)
{
	uint64_t previous;

	if (!port_entropy_word(&previous)) {
		return 1;
	}
	for (uint32_t done = 0; done < bytes;) {
		uint32_t part = bytes - done < sizeof(uint64_t) ? bytes - done : (uint32_t)sizeof(uint64_t);
		uint64_t word;

		if (!port_entropy_word(&word) || word == previous) {
			memset(out, 0, done);
			return 1;
		}
		memcpy(out + done, &word, part);
		previous = word;
		done += part;
	}
	return 0;
}
