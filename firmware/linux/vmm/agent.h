/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our agents at EL1 (firmware/guest), one on each processor of the VM. Between two programs a processor does not run:
 * it stands still at the HVC by which its agent has said that it is done.
 */
#ifndef VMM_AGENT_H
#define VMM_AGENT_H

#include "mailbox.h"
#include "vm.h"

/* Loads the image and creates the processors. */
void agents_create(struct vm *vm, const char *image);

/*
 * Returns the mailbox: the program goes there before the agent starts, and the outcome is there when it has finished.
 */
struct mailbox *agent_box(unsigned int number);

/* Starts the program in the mailbox, with a deadline so many microseconds from now. */
void agent_start(unsigned int number, uint64_t microseconds);

/* Returns a descriptor that becomes readable when the agent has finished. Read it once for each start. */
int agent_finished(unsigned int number);

/* Returns how many milliseconds to wait for agent_finished() before agent_stop(). */
int agent_timeout_ms(unsigned int number);

/*
 * Takes the processor from an agent that has not noticed its deadline. It finishes soon, and starts afresh next time.
 */
void agent_stop(unsigned int number);

#endif
