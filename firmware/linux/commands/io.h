/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes that are whole, and calls that must not fail.
 */
#ifndef IO_H
#define IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* For calls that only fail when the guest is beyond repair. */
static inline void require(bool done)
{
	if (!done)
		exit(EXIT_FAILURE);
}

static inline bool write_all(int file, const void *data, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t written = write(file, (const char *)data + done, bytes - done);

		if (written < 0)
			return false;
		done += (size_t)written;
	}
	return true;
}

#endif
