/* SPDX-License-Identifier: BSD-3-Clause */
/* Engine windows: a cache over state images. The caller holds the instance's lock and not the table lock. */
#ifndef VTPM_WINDOWS_H
#define VTPM_WINDOWS_H

#include "state.h"

void windows_init(void);

/* Makes the instance resident: finds a window, moving the least recently used idle instance out of it if need be. */
vtpm_status window_acquire(struct vtpm_instance *instance);

/* A fresh window and no image, as before the instance was manufactured. On failure nothing has changed. */
vtpm_status window_renew(struct vtpm_instance *instance);

/* Scrubs and gives back the instance's window and image; `keep_reserve`: but not the pages reserved for images. */
void window_discard(struct vtpm_instance *instance, bool keep_reserve);

/* The mailbox of a resident instance. */
struct engine_mailbox *window_mailbox(const struct vtpm_instance *instance);

/*
 * One engine operation on a resident instance. ENGINE_NO_ENTROPY, _BAD_STATE and _FATAL leave a window that the
 * caller must discard.
 */
enum engine_status window_run(struct vtpm_instance *instance, enum engine_op op);

/* The engine failed: the instance is stopped, its secrets are scrubbed, and the console says so. */
void window_fail(struct vtpm_instance *instance, const char *what);

#endif
