/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the core needs from below it. tfa/ provides it for BL31, tests/service/ for the host.
 * The core never touches a system register or dereferences a normal-world address by any other way.
 */
#ifndef VTPM_PORT_H
#define VTPM_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "engine_abi.h"
#include "vtpm_abi.h"

/* The secure pool at `pa`, as memory that the core may read and write while no engine runs on this CPU. */
void *port_secure(struct pa pa);

/* The engine's header, data and read-only memory at the virtual address `va` (outside the window). */
const void *port_engine_memory(struct va va);

/*
 * Queue memory: normal world, mapped non-cacheable, changed by guests at any time. Each call reads or writes each byte
 * exactly once. `pa` is aligned to the access; for copies, to 8 bytes.
 */
uint32_t port_queue_read32(struct pa pa);
void port_queue_write32(struct pa pa, uint32_t value);
void port_queue_copy_in(void *to, struct pa from, size_t bytes);
void port_queue_copy_out(struct pa to, const void *from, size_t bytes);
void port_queue_zero(struct pa pa, size_t bytes);
void port_queue_barrier(void); /* orders accesses to queue memory as a guest sees them */

/* Copies secure memory; fast when everything is aligned to 8 bytes, as it mostly is. */
void port_copy(void *to, const void *from, size_t bytes);

/* Zeroes secure memory; page aligned, whole pages. */
void port_zero_pages(void *memory, size_t bytes);

/* Translates `va` as the calling EL1 guest would for a read or a write (stages 1 and 2). False: it would fault. */
bool port_translate(struct va va, bool write, struct pa *out);

/*
 * Maps window `window` at ENGINE_WINDOW_VA on this CPU and calls the engine's entry with its mailbox. FP registers of
 * the normal world are kept. Any exception in the engine ends the call with ENGINE_FATAL. `ticks`: time in the engine.
 */
enum engine_status port_engine_enter(unsigned int window, uint64_t *ticks);

/* The engine's callbacks; they run in the middle of port_engine_enter. */
void port_engine_fatal(uint32_t line);
void port_engine_log(const char *text);

/* One word of entropy; false if the source failed or there is none. */
bool port_entropy_word(uint64_t *out);
uint64_t port_entropy_features(void); /* VTPM_FEATURE_ENTROPY_* */

/* Called in every turn of a loop that waits for another CPU. */
void port_relax(void);

/* CNTPCT_EL0. */
uint64_t port_ticks(void);

/* One line for the firmware console. */
void port_report_failure(uint64_t vm_id, unsigned int index, const char *what);

#endif
