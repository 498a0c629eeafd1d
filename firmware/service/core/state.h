/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All state of the service: one structure at the start of the image pool, in secure memory.
 *
 * Who may touch what:
 *
 *   T  under the table lock
 *   I  by the CPU that holds the instance's lock
 *   -  never changes after vtpm_service_init
 */
#ifndef VTPM_STATE_H
#define VTPM_STATE_H

#include "lock.h"
#include "vtpm_platform.h"
#include "vtpm_port.h"
#include "vtpm_service.h"

#define VTPM_NO_WINDOW 0xff
#define VTPM_NO_INSTANCE 0xffff
#define VTPM_NO_PAGE 0xffff

/*
 * Pages that every instance keeps for its state image, so that it can always be moved out of its window. A new TPM's
 * image takes three (firmware/engine/README.md, "Figures"); NV data makes it grow.
 */
#define VTPM_IMAGE_RESERVED_PAGES 4

#define VTPM_POOL_PAGES (VTPM_IMAGE_POOL_BYTES / VTPM_PAGE_BYTES)
#define VTPM_QUEUE_PAGES (VTPM_QUEUE_POOL_BYTES / VTPM_PAGE_BYTES)
#define VTPM_QUEUE_MAX_BYTES ((1 + VTPM_MAX_SLOTS) * VTPM_PAGE_BYTES)

_Static_assert(VTPM_POOL_PAGES < VTPM_NO_PAGE, "page numbers fit in 16 bits");
_Static_assert(VTPM_MAX_INSTANCES < VTPM_NO_INSTANCE, "instance numbers fit in 16 bits");
_Static_assert(VTPM_WINDOW_COUNT < VTPM_NO_WINDOW, "window numbers fit in 8 bits");
_Static_assert(VTPM_RING_ENTRIES + VTPM_MAX_SLOTS * VTPM_RING_ENTRY_BYTES <= VTPM_PAGE_BYTES,
	       "the ring fits in the control page");
_Static_assert(VTPM_SLOT_BYTES == ENGINE_BUFFER_BYTES, "a slot is as large as the engine's buffers");
_Static_assert(VTPM_PAGE_BYTES == PAGE_BYTES, "a page of the ABI is a page of the translation tables");

enum vtpm_life {
	VTPM_FREE = 0,
	VTPM_CREATING, /* its entry, VM id and index are taken; no handle leads to it yet */
	VTPM_LIVE,
	VTPM_FAILED,
};

/* A chain of pool pages. */
struct vtpm_pages {
	uint16_t first;
	uint16_t count;
};

/* Where the time of one doorbell went, in CNTPCT_EL0 ticks. */
struct vtpm_ticks {
	uint64_t total;
	uint64_t engine;
	uint64_t windows;
};

struct vtpm_instance {
	struct vtpm_lock lock;
	bool leaving;          /* T: another instance's CPU holds the lock to move this one out of its window */
	enum vtpm_life life;   /* T */
	uint32_t generation;   /* T: in the handle; counts the lives of this entry */
	uint64_t vm_id;        /* T */
	uint32_t requirements; /* T */
	uint8_t index;         /* T */
	uint8_t slots;         /* T */

	bool bound;            /* T */
	uint16_t vmid;         /* T */
	struct pa stage2_base; /* T */
	uint64_t epoch;        /* T */
	struct ipa queue_ipa;  /* I: zero: unknown */

	struct pa queue;         /* T */
	uint32_t tail;           /* I: the ring's tail; the copy in the control page is never read */
	uint8_t window;          /* I: VTPM_NO_WINDOW: not resident */
	uint32_t image_bytes;    /* I: 0: no image */
	struct vtpm_pages image; /* I */

	uint64_t commands; /* I, read freely: */
	struct vtpm_ticks last;
	struct vtpm_ticks measuring;
	uint64_t switches;
	uint64_t loads;
	uint64_t evictions;
};

struct vtpm_window {
	uint16_t owner;     /* T */
	uint64_t last_used; /* T */
	uint32_t log_lines; /* by the CPU that holds the owner's lock: lines that its engine has logged */
};

struct vtpm_state {
	struct engine_header engine; /* - */
	uint32_t capacity;           /* -: instances possible */
	struct vtpm_table_lock table;
	uint32_t used;                                 /* T: instances that are not free */
	uint32_t highest;                              /* T: entries beyond it have never been used */
	uint64_t clock;                                /* T: counts uses of windows */
	uint32_t free_pages;                           /* T */
	uint16_t free_first;                           /* T */
	uint64_t images;                               /* T: state images held now */
	uint64_t image_bytes;                          /* T: their bytes */
	uint16_t page_next[VTPM_POOL_PAGES];           /* T */
	uint8_t queue_used[VTPM_QUEUE_PAGES];          /* T */
	struct vtpm_window windows[VTPM_WINDOW_COUNT]; /* T */
	struct vtpm_instance instances[VTPM_MAX_INSTANCES];
};

#define VTPM_STATE_PAGES ((sizeof(struct vtpm_state) + VTPM_PAGE_BYTES - 1) / VTPM_PAGE_BYTES)

_Static_assert(VTPM_STATE_PAGES < VTPM_POOL_PAGES, "the pool has room for images behind the state");

/* On any CPU, at any time: BL31 maps the pool, and only BL31 does. */
static inline struct vtpm_state *state_get(void)
{
	return (struct vtpm_state *)port_secure(pa_make(VTPM_IMAGE_POOL_PA));
}

/* The instance's place in the table. */
static inline uint16_t state_number(const struct vtpm_instance *instance)
{
	return (uint16_t)(instance - state_get()->instances);
}

/* One control page and a page per slot. */
static inline uint32_t instance_queue_bytes(const struct vtpm_instance *instance)
{
	return (1U + instance->slots) * VTPM_PAGE_BYTES;
}

#endif
