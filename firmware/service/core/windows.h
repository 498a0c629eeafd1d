/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows of the engine: a cache over state images. The caller holds the instance's lock and not the table lock.
 */
#ifndef VTPM_WINDOWS_H
#define VTPM_WINDOWS_H

#include "state.h"

/* Makes all windows free. Once. */
void windows_init(void);

/*
 * Makes the instance resident: finds a window, if need be by moving out the instance that was idle for longest, and
 * resumes it there. VTPM_NO_WINDOW_FREE: every window is at work. VTPM_E_ENGINE_FAILED: the image could not be resumed,
 * and the instance has been stopped.
 */
vtpm_status window_acquire(struct vtpm_instance *instance);

/* Gives the instance a fresh window and no image, as before it was manufactured. On failure nothing has changed. */
vtpm_status window_renew(struct vtpm_instance *instance);

/* Scrubs and gives back the instance's window and image. `keep_reserve`: it keeps its reserve of pages. */
void window_discard(struct vtpm_instance *instance, bool keep_reserve);

/* Returns where the service finds, in window `window`, what the engine finds at `va`, which the caller has checked. */
uint8_t *window_memory(uint32_t window, struct va va);

/* Returns the mailbox of a resident instance. */
struct engine_mailbox *window_mailbox(const struct vtpm_instance *instance);

/*
 * Runs one engine operation on a resident instance. After ENGINE_NO_ENTROPY, ENGINE_BAD_STATE or ENGINE_FATAL the
 * caller must discard the window.
 */
enum engine_status window_run(struct vtpm_instance *instance, enum engine_op op);

/* Stops an instance whose engine has failed: scrubs all that it has, and says so on the console. */
void window_fail(struct vtpm_instance *instance, const char *what);

#endif
