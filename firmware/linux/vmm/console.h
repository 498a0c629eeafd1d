/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio console (virtio 1.2, sections 4.2 and 5.3) between the guest and the line.
 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm.h"

#define CONSOLE_BYTES 0x1000

void console_create(struct vm *vm);

/* On the thread of a processor. */
uint32_t console_read(uint64_t offset);
void console_write(uint64_t offset, uint32_t value);

/* Whether the guest waits for input and has taken what there was. */
bool console_wants_input(void);

/* Passes on what the line has. False: that has ended. */
bool console_input(void);

/* Becomes readable when console_wants_input() may have changed. */
int console_event(void);

#endif
