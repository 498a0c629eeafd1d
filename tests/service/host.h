/* SPDX-License-Identifier: BSD-3-Clause */
/* The port on the host: plain memory instead of pools, switches instead of hardware, and eyes on every access. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "vtpm_port.h"
#include "vtpm_service.h"

/* An empty machine with the service initialised. */
void host_start(void);

/* Direct views, as the tests' own eyes. */
uint8_t *host_secure(uint64_t pa);
uint8_t *host_queue(uint64_t pa);
bool host_secure_is_zero(uint64_t pa, size_t bytes);

/* True if every window and every page for state images is zero: so it must be when there is no instance. */
bool host_secrets_are_gone(void);

/* The header of the toy engine. */
struct engine_header host_engine_header(void);

enum host_entropy { HOST_ENTROPY_GOOD, HOST_ENTROPY_FAILS, HOST_ENTROPY_STUCK };

struct host_switches {
	enum host_entropy entropy;
	uint64_t (*entropy_word)(uint64_t number); /* what the source gives instead, by how many words it has given */
	bool interrupt;                            /* one is pending, and stays so */
	bool masked;                               /* the caller masks interrupts */
	uint32_t parks;                            /* how often the engine is still interrupted, and its call parked */
	uint32_t breaths;    /* the same between two pieces of work of the service itself; UINT32_MAX: each time */
	uint32_t words_left; /* of entropy, before the source fails; 0: it does not */
	/* Called after each read of queue memory: a guest on another CPU that writes at the worst moment. */
	void (*after_queue_read)(uint64_t pa, size_t bytes);
	/* Called while the engine runs, as another CPU would call the service at that moment. */
	void (*while_engine_runs)(void);
	/* Called right before queue memory is zeroed, as another CPU would call the service at that moment. */
	void (*before_queue_zero)(void);
	/* What the calling guest's tables say. */
	bool (*translate)(uint64_t va, bool write, uint64_t *pa);
};

extern struct host_switches host;

/* What the port has seen. */
struct host_seen {
	uint64_t double_reads;     /* guest-written bytes read twice for one command */
	uint64_t stray_writes;     /* writes to a queue where the service has nothing to write */
	uint64_t unordered_writes; /* of words that a guest waits for, without a barrier after what they announce */
	uint64_t unordered_reads;  /* of what HEAD or START announce, without a barrier after reading those */
	uint64_t engine_calls;
	uint64_t cancelled; /* commands that the engine was told to end */
	uint64_t repeats;   /* calls that had to be made again, after an interrupt */
	uint64_t log_lines; /* that an engine has written to the console */
	uint64_t bad_calls; /* of an engine, that were refused */
	char log[ENGINE_LOG_MAX_BYTES];
	uint64_t words;         /* of entropy, that `entropy_word` has given */
	uint64_t waits;         /* turns of a loop that waits for another CPU */
	uint32_t request_bytes; /* of the last ENGINE_EXECUTE */
	uint8_t request[ENGINE_BUFFER_BYTES];
};

extern struct host_seen seen;

/* A doorbell begins: bytes read from now on are counted anew. */
void host_watch_reads(void);

/* Parked calls (port_parking.c): none is left, or what the one that runs may do. */
void host_forget_calls(void);
bool host_can_park(void);
bool host_call_is_abandoned(void);
void host_park(void);

/* The toy engine; `memory` is what the real one would see of window `window` at ENGINE_WINDOW_VA. */
enum engine_status toy_engine(unsigned int window, uint8_t *memory);

/* TPM command codes with a meaning for the toy engine; all others answer. */
#define TOY_GIVES_UP 0x20000001          /* ENGINE_FATAL */
#define TOY_RETURNS_NONSENSE 0x20000002  /* a status that does not exist */
#define TOY_OVERLONG 0x20000003          /* a response longer than its buffer */
#define TOY_GROWS 0x20000004             /* from now on its image takes 32 KiB */
#define TOY_BREAKS_IMAGE 0x20000005      /* its next image will point outside the window */
#define TOY_EMPTIES_IMAGE 0x20000006     /* its next image will have no byte */
#define TOY_FILLS_STAGING 0x20000007     /* its next image will be as large as the staging area */
#define TOY_OVERFLOWS_STAGING 0x20000008 /* its next image will be one byte larger than the staging area */
#define TOY_SPOILS_IMAGE 0x20000009      /* its next image will be one that it cannot resume */

/* What the toy engine answers: a header and this. */
struct toy_answer {
	uint8_t seed[8];   /* made at manufacture, kept for life */
	uint32_t commands; /* since manufacture */
	uint32_t resets;
	uint32_t profile;
};

#endif
