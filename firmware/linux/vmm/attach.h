/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMM_ATTACH_H
#define VMM_ATTACH_H

/* Exit status of the process when somebody else has taken the console. */
#define EXIT_TAKEN 3

/*
 * Carries standard input to a guest's console, and what it says to standard output; returns when the guest is gone.
 * Ends the process with its standard input, and when somebody else takes its place.
 */
void attach(int console);

#endif
