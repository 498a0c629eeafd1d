/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A test is a promise: PROMISE(name) { ... CHECK(...) ... }. The program runs the one named on its command line, on a
 * machine just started; the name is what pytest shows.
 */
#ifndef PROMISE_H
#define PROMISE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"
#include "vtpm_platform.h"

struct promise {
	const char *name;
	void (*run)(void);
	struct promise *next;
};

void promise_add(struct promise *promise);

#define PROMISE(promised)                                                                                              \
	static void promised(void);                                                                                    \
	static struct promise entry_##promised = {#promised, promised, NULL};                                          \
	__attribute__((constructor)) static void add_##promised(void)                                                  \
	{                                                                                                              \
		promise_add(&entry_##promised);                                                                        \
	}                                                                                                              \
	static void promised(void)

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                        \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

#define CHECK_EQUAL(got, wanted)                                                                                       \
	do {                                                                                                           \
		int64_t got_value = (int64_t)(got);                                                                    \
		int64_t wanted_value = (int64_t)(wanted);                                                              \
		if (got_value != wanted_value) {                                                                       \
			fprintf(stderr, "%s:%d: %s is %" PRId64 ", not %s (%" PRId64 ")\n", __FILE__, __LINE__, #got,  \
				got_value, #wanted, wanted_value);                                                     \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

#endif
