/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals that end the process, as a descriptor: they are blocked and read, so that no handler interrupts a thread.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "failure.h"

#define SIGNAL_STATUS 128 /* shells report death by a signal as 128 + its number */

int signals_watch(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	errno = pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (errno != 0)
		fail("blocking signals");
	signal(SIGPIPE, SIG_IGN); /* a client that goes away is an error of write() */
	return must(signalfd(-1, &signals, SFD_CLOEXEC), "watching for signals");
}

void signals_end(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		fail("reading a signal");
	exit(SIGNAL_STATUS + (int)info.ssi_signo);
}
