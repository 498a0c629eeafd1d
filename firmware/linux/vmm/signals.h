/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMM_SIGNALS_H
#define VMM_SIGNALS_H

/* Has SIGTERM and SIGINT come as something to read, on whatever thread; returns where. Before there are threads. */
int signals_watch(void);

/* One has come: ends the process, with the status that shells have for it. */
_Noreturn void signals_end(int signals);

#endif
