/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the promise that the command line names, on a machine that was just started.
 */
#include <string.h>

#include "promise.h"

static struct promise *promises;

void promise_add(struct promise *promise)
{
	promise->next = promises;
	promises = promise;
}

int main(int argc, char **argv)
{
	for (struct promise *promise = promises; argc == 2 && promise != NULL; promise = promise->next) {
		if (strcmp(promise->name, argv[1]) == 0) {
			host_start();
			promise->run();
			return 0;
		}
	}
	fprintf(stderr, "usage: %s PROMISE\n", argv[0]);
	return 2;
}
