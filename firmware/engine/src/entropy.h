/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ENGINE_ENTROPY_H
#define ENGINE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/* Fills all of out with entropy from the service; if there is none, leaves the engine and does not return. */
void engine_entropy(uint8_t *out, size_t bytes);

#endif
