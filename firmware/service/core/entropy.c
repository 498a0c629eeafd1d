/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one function through which all entropy comes. It fails closed: if the source fails, or repeats a word, the whole
 * request fails. The second is the repetition count test of NIST SP 800-90B, section 4.4.1; in 64 bits of full entropy
 * a repetition is so rare that a single one counts as a defect.
 */
#include <string.h>

#include "vtpm_port.h"
#include "vtpm_service.h"

uint32_t vtpm_entropy_fill(uint8_t *out, uint32_t bytes)
{
	uint64_t previous;

	/* A first word to compare with, which is not given out. */
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
