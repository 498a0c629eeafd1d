/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests that outlive the process that starts them. The files of the guest NAME are below /run/guest/NAME: `console`, a
 * socket; `log`, the output of its kernel and of the VMM; `pid`; and, when it has ended, `status`, as a shell would
 * have it.
 */
#ifndef VMM_BACKGROUND_H
#define VMM_BACKGROUND_H

/*
 * Continues in the background, in a process of its own, and returns there the socket that clients of the console
 * connect to. The calling process ends when background_ready() is called, or with status 1 and the log on its standard
 * error.
 */
int background_start(const char *name);

/* Says that the guest runs. Once, in the process that background_start() has made. */
void background_ready(void);

/*
 * Connects standard input and output with the console of a guest, until one of them ends. Returns the status that the
 * guest ended with, after it has written the end of the guest's log to standard error.
 */
int background_attach(const char *name);

/* Ends a guest, if it has not ended yet, and waits until it has. */
void background_stop(const char *name);

#endif
