/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client of a background guest's console: it carries bytes both ways between standard input and output and a
 * socket.
 */
#include "attach.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "failure.h"

#define CHUNK 4096

/* Passes on what can be read. False: no more will come. */
static bool carry(int from, int to)
{
	char bytes[CHUNK];
	ssize_t length = read(from, bytes, sizeof(bytes));

	for (ssize_t done = 0; done < length;) {
		ssize_t written = write(to, bytes + done, (size_t)(length - done));

		if (written < 0)
			break; /* the end of a guest is seen on the other descriptor */
		done += written;
	}
	return length > 0;
}

/*
 * Tells a guest that ended from a client that was replaced: the VMM shuts one half of the socket when it gives the
 * console to another client, while its own end closes both.
 */
static bool guest_ended(int console)
{
	struct pollfd both = {.fd = console};

	return poll(&both, 1, 0) > 0 && (both.revents & (POLLHUP | POLLERR)) != 0;
}

void attach(int console)
{
	enum { INPUT, CONSOLE, COUNT };
	struct pollfd wait[COUNT] = {
		[INPUT] = {.fd = STDIN_FILENO, .events = POLLIN},
		[CONSOLE] = {.fd = console, .events = POLLIN},
	};

	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		must(poll(wait, COUNT, -1), "waiting for the guest");
		if (wait[CONSOLE].revents != 0 && !carry(console, STDOUT_FILENO)) {
			if (guest_ended(console))
				return;
			fputs("vmm: somebody else has taken the console\n", stderr);
			exit(EXIT_TAKEN);
		}
		if (wait[INPUT].revents != 0 && !carry(STDIN_FILENO, console))
			exit(EXIT_SUCCESS);
	}
}
