/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of the window, as the linker script (engine.ld) lays them out.
 */
#ifndef ENGINE_WINDOW_H
#define ENGINE_WINDOW_H

#include <stdint.h>

#include "engine_abi.h"

extern struct engine_mailbox engine_mailbox;

/*
 * The heap reaches from the end of .bss to the guard page. Before ENGINE_RESUME its end holds the image, from staging
 * on.
 */
extern uint8_t engine_heap_start[];
extern uint8_t engine_staging_start[];
extern uint8_t engine_heap_end[];

#endif
