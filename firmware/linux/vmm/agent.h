/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our agents at EL1 (firmware/guest), one on each processor of the VM. Between two programs a processor does not run:
 * it stops at the HVC by which its agent says that it has finished.
 */
#ifndef VMM_AGENT_H
#define VMM_AGENT_H

#include "mailbox.h"
#include "vm.h"

/* Loads the image and creates the processors. */
void agents_create(struct vm *vm, const char *image);

/* Where a program goes before the agent starts, and its outcome is when it has finished. */
struct mailbox *agent_box(unsigned int number);

/* Starts the program in the mailbox, to end within so many microseconds. */
void agent_start(unsigned int number, uint64_t microseconds);

/* Becomes readable when the agent has finished: read it once for each start. */
int agent_finished(unsigned int number);

/* How many milliseconds the agent may still take to notice that its time is up. */
int agent_patience(unsigned int number);

/* Takes the processor away from an agent that has not noticed. It finishes soon, and starts afresh the next time. */
void agent_stop(unsigned int number);

#endif
