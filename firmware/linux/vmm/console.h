/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio console (virtio 1.2, sections 4.2 and 5.3) between the guest and the line.
 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm.h"

#define CONSOLE_BYTES 0x1000

void console_create(struct vm *vm);

/* The guest's accesses to its registers, on the thread of any processor. */
uint32_t console_read(uint64_t offset);
void console_write(uint64_t offset, uint32_t value);

/* Whether the guest has a buffer ready for input. */
bool console_wants_input(void);

/* Passes on input of the line, which must have some. False: its input has ended. */
bool console_input(void);

/* Returns a descriptor that becomes readable when console_wants_input() may have changed. */
int console_event(void);

#endif
