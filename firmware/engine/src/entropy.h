/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's only source of randomness.
 */
#ifndef ENGINE_ENTROPY_H
#define ENGINE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/* Fills all of `out` with entropy from the service. If that fails it does not return: the call ends with NO_ENTROPY. */
void engine_entropy(uint8_t *out, size_t bytes);

#endif
