/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests that outlive who started them. What there is of the guest NAME is below /run/guest/NAME: `console`, a socket;
 * `log`, what its kernel and the VMM said; `pid`; and in the end `status`, as a shell would have it.
 */
#ifndef VMM_BACKGROUND_H
#define VMM_BACKGROUND_H

/*
 * Goes on in the background, as a process of its own. Returns there the socket on which its console is asked for. The
 * process that called ends with background_ready(), or with status 1 and what is in the log.
 */
int background_start(const char *name);

/* The guest runs. */
void background_ready(void);

/*
 * Connects standard input and output with the console of a guest, until one of them ends. Returns the status with which
 * the guest ended, having said the end of its log on standard error.
 */
int background_attach(const char *name);

/* Ends a guest, if it has not ended yet, and waits until it has. */
void background_stop(const char *name);

#endif
