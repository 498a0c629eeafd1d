/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals that end the process.
 */
#ifndef VMM_SIGNALS_H
#define VMM_SIGNALS_H

/* Returns a descriptor that becomes readable on SIGTERM or SIGINT. To be called before any thread is started. */
int signals_watch(void);

/* Ends the process after one has come, with the status that shells have for it. */
_Noreturn void signals_end(int signals);

#endif
