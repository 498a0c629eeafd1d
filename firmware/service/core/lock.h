/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two locks. An instance's lock is held for as long as its engine runs, so it is only ever tried: who does not get it
 * answers BUSY. The table lock guards short sections that never wait for anything; it is handed out in order of
 * arrival, so that a wait is bounded by one such section per other CPU. ../README.md has the lock order, state.h what
 * each lock guards.
 */
#ifndef VTPM_LOCK_H
#define VTPM_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "vtpm_port.h"

struct vtpm_lock {
	uint32_t held;
};

/* Takes the lock if it is free. Acquire: what the last holder wrote is seen. Never waits. */
static inline bool lock_try(struct vtpm_lock *lock)
{
	return __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

/* A hint, out of date as soon as it is given: only lock_try can tell. */
static inline bool lock_is_held(const struct vtpm_lock *lock)
{
	return __atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0;
}

/* Release: the next holder sees what was written under the lock. */
static inline void lock_release(struct vtpm_lock *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

/* A ticket lock: who takes number `next` waits until `serving` reaches it. */
struct vtpm_table_lock {
	uint32_t next;
	uint32_t serving;
};

static inline void table_lock(struct vtpm_table_lock *lock)
{
	uint32_t mine = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != mine) {
		port_relax();
	}
}

static inline void table_unlock(struct vtpm_table_lock *lock)
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif
