/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port: what the core needs from below it. tfa/ implements it for BL31, tests/service/ for the host. The core
 * touches no system register, and reaches memory of the normal world by these functions only.
 */
#ifndef VTPM_PORT_H
#define VTPM_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "engine_abi.h"
#include "vtpm_abi.h"
#include "vtpm_service.h"

/* Returns memory of the secure pool. */
void *port_secure(struct pa pa);

/* Returns the engine's constants at its virtual address `va`, which is not in the window. */
const void *port_engine_memory(struct va va);

/*
 * Queue memory: it belongs to the normal world, is mapped non-cacheable, and guests may change it at any time. Each
 * call reads or writes each byte exactly once, so that what was checked is what is used. `pa` is aligned to the access;
 * for copies, to 8 bytes.
 */
uint32_t port_queue_read32(struct pa pa);
void port_queue_write32(struct pa pa, uint32_t value);
void port_queue_copy_in(void *to, struct pa from, size_t bytes);
void port_queue_copy_out(struct pa to, const void *from, size_t bytes);
void port_queue_zero(struct pa pa, size_t bytes);

/* Accesses to queue memory before it are seen by every observer before those after it. */
void port_queue_barrier(void);

/* Copies secure memory; quickly if both sides are aligned to 8 bytes. */
void port_copy(void *to, const void *from, size_t bytes);

/* Zeroes whole pages of secure memory. Who zeroes many does it piece by piece, with port_breathe in between. */
void port_zero_pages(void *memory, size_t bytes);

/*
 * Translates `va` through stages 1 and 2 as a read or a write of the calling guest at EL1 would be. Returns false if
 * that would fault; `out` then means nothing. Leaves no trace in the caller's registers, PAR_EL1 included.
 */
bool port_translate(struct va va, bool write, struct pa *out);

/* MIDR_EL1 and ID_AA64ISAR0_EL1 of this CPU. */
void port_processor(uint64_t *midr, uint64_t *isar0);

/*
 * Runs the engine with window `window` at ENGINE_WINDOW_VA: calls its entry with its mailbox, lets vtpm_engine_call
 * answer whatever it asks for, and returns the status with which it left. The engine can reach that window, its own
 * code and constants, and nothing else; the caller's registers survive, and the engine sees none of them. Any exception
 * of the engine that is no call ends the run with ENGINE_FATAL. `ticks`: how long the engine ran.
 *
 * Only inside a function that port_call runs, which an interrupt of the normal world parks. `for_caller`: the run ends
 * with ENGINE_FATAL if that function is abandoned.
 */
enum engine_status port_engine_enter(unsigned int window, bool for_caller, uint64_t *ticks);

/*
 * Between two pieces of work that would together take long: parks the function that port_call runs, if an interrupt is
 * pending that its caller would take. No table lock may be held.
 */
void port_breathe(void);

/* What serves a call: returns its status, and fills in the answer from x1 to x3. */
#define PORT_RESULTS 4
typedef vtpm_status vtpm_function(const struct vtpm_call *call, struct vtpm_answer *answer);

enum port_caller {
	PORT_CALLS_AGAIN, /* its SMC is executed again; so it is only interrupted if it takes the interrupt first */
	PORT_IS_TOLD,     /* it learns that its call is parked */
	PORT_ABANDONS,    /* what is parked ends at once, as if its engine had failed */
};

/*
 * Runs a function that may be parked. Returns its status, or VTPM_INTERRUPTED if it was parked: port_continue will find
 * it. VTPM_E_BUSY: too many calls are under way.
 */
vtpm_status port_call(vtpm_function *function, const struct vtpm_call *request, enum port_caller caller,
		      struct vtpm_answer *answer);

enum port_progress {
	PORT_NOTHING_PARKED, /* or the caller masks interrupts, and would be held by somebody else's work */
	PORT_PARKED_AGAIN,   /* an interrupt has come, or another CPU is going on with it */
	PORT_FINISHED,
};

/* A parked call that has been gone on with to its end. */
struct port_finished {
	uint32_t number;
	uint32_t instance; /* that it was about */
	const struct vtpm_call *request;
	const struct vtpm_answer *answer;
	vtpm_status status;
	bool abandoned;
};

#define PORT_NO_INSTANCE UINT32_MAX
#define PORT_ANY_INSTANCE (UINT32_MAX - 1)

/* What a call has claimed: the instance that it is about, and another one that it moves out of its window. */
enum port_hand { PORT_OWN, PORT_OTHER, PORT_HANDS };

/* Notes what the call that runs on this CPU has claimed, by which port_continue finds it. Without one, does nothing. */
void port_hold(enum port_hand hand, uint32_t instance);

/* True if a call that has claimed the instance is parked: then nobody works on it, and waiting is of no use. */
bool port_is_parked(uint32_t instance);

/*
 * Goes on with the parked call that has claimed an instance; of several, with the one that has waited for longest. When
 * it has finished, what became of it; port_end is then due. A call is only abandoned if it is about that instance.
 */
enum port_progress port_continue(uint32_t instance, enum port_caller caller, struct port_finished *out);

/* `keep`: who made the call is going to make it again, and gets this answer from port_kept. */
void port_end(uint32_t number, bool keep);

/* Finds the answer to a call that somebody else has finished meanwhile, and forgets it. */
bool port_kept(const struct vtpm_call *request, vtpm_status *status, struct vtpm_answer *answer);

/* Forgets all answers that are kept of calls about an instance, which is no more. */
void port_forget(uint32_t instance);

/* Each writes one line to the firmware's console, about the engine that runs on this CPU. */
void port_engine_log(const char *text);
void port_engine_gave_up(uint64_t fault);
void port_engine_bad_call(uint64_t number, uint64_t argument);

/* Draws 64 bits of entropy. Returns false if the source failed or there is none; never waits without a bound. */
bool port_entropy_word(uint64_t *out);
uint64_t port_entropy_features(void); /* VTPM_FEATURE_ENTROPY_* */

/* True if an interrupt is pending that the caller's processor would take as soon as EL3 and its masks let it. */
bool port_interrupt_pending(void);

/* Called in every turn of a loop that waits for another CPU, so that an emulator can run that one. */
void port_relax(void);

/* CNTPCT_EL0, the physical counter. */
uint64_t port_ticks(void);

/* Writes one line to the firmware's console: which instance failed, and how. */
void port_report_failure(uint64_t vm_id, unsigned int index, const char *what);

#endif
