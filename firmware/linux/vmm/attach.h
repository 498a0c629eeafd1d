/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client of a background guest's console.
 */
#ifndef VMM_ATTACH_H
#define VMM_ATTACH_H

/* Exit status of the process when another client has taken the console. */
#define EXIT_TAKEN 3

/*
 * Carries standard input to a guest's console, and its output to standard output. Returns when the guest has ended.
 * Ends the process when standard input ends, and when another client takes the console.
 */
void attach(int console);

#endif
