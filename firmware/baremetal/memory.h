/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory functions that a freestanding compiler may call, as C defines them.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *one, const void *other, size_t bytes);

#endif
