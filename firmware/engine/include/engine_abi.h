/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The contract between the EL3 service and the TPM engine, which is linked separately, loaded in the BL32 slot, and run
 * at S-EL0. The engine is not trusted: the service checks whatever it says against the engine's own window.
 *
 * The engine's code and constants are mapped once, at their load address. Everything it writes (.data, .bss, heap,
 * stack, mailbox) lies in a window at one fixed virtual address; each resident instance has its own physical pages
 * behind that address, so the engine itself never sees more than one instance.
 *
 *   window:  mailbox | .data | .bss | heap | guard page (never mapped) | stack
 */
#ifndef ENGINE_ABI_H
#define ENGINE_ABI_H

#ifndef __ASSEMBLER__
#include <stdint.h>
#endif

#define ENGINE_MAGIC 0x31474E454D505476 /* "vTPMENG1" */
#define ENGINE_ABI_VERSION 2
#define ENGINE_WINDOW_VA 0x10000000
#define ENGINE_WINDOW_BYTES 0x100000
#define ENGINE_BUFFER_BYTES 4096 /* TPM command and response buffers, libtpms TPM_BUFFER_MAX */

/*
 * Calls of the engine into the service: SVC with the number as its immediate (Arm DDI 0487, C6.2, SVC), arguments in x0
 * and x1, result in x0; all other registers survive. An argument that is out of bounds, like a number that is not here,
 * ends the engine's run with ENGINE_FATAL.
 *
 *   LEAVE    x0 = enum engine_status: the run is over. X30 points at this call's stub when the entry is called
 *   ENTROPY  x0 = where, x1 = bytes, in the window: returns 0 when all of them are written, else the source failed
 *   LOG      x0 = one line of text in the window, ending with a zero byte; never anything of a command's content.
 *            Bytes that are not printable, and lines beyond the first few, are not shown
 *   FATAL    x0 = enum engine_fault: the run ends with ENGINE_FATAL
 */
#define ENGINE_CALL_LEAVE 0
#define ENGINE_CALL_ENTROPY 1
#define ENGINE_CALL_LOG 2
#define ENGINE_CALL_FATAL 3
#define ENGINE_CALL_COUNT 4
#define ENGINE_CALL_STUB_BYTES 16 /* each stub is SVC, RET, and room for a loader that is not the service */
#define ENGINE_ENTROPY_MAX_BYTES 256
#define ENGINE_LOG_MAX_BYTES 128 /* of a longer line, the service shows the beginning */

#ifndef __ASSEMBLER__

/* At the very start of the engine image. Addresses are virtual; regions are page aligned and whole pages. */
struct engine_header {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t header_bytes;
	uint64_t text_va; /* mapped read-only, executable; VA == PA */
	uint64_t text_bytes;
	uint64_t rodata_va; /* mapped read-only, never executable; VA == PA; holds .data's initial content */
	uint64_t rodata_bytes;
	uint64_t data_init_va; /* inside rodata */
	uint64_t data_va;      /* inside the window */
	uint64_t data_bytes;   /* copied when a window is made ready; the rest of the window starts as zero */
	uint64_t guard_va;
	uint64_t stack_top;
	uint64_t mailbox_va;
	uint64_t staging_va; /* where the service puts an image before ENGINE_RESUME */
	uint64_t staging_bytes;
	uint64_t entry;    /* uint32_t entry(struct engine_mailbox *): an enum engine_status */
	uint64_t calls_va; /* inside text: the stubs of all calls, by number */
};

enum engine_op {
	ENGINE_MANUFACTURE = 1, /* in a fresh window: make a new TPM with the profile; ends as after _TPM_Init */
	ENGINE_EXECUTE = 2,     /* request -> response */
	ENGINE_SUSPEND = 3,     /* serialise all state; image_va and image_bytes say where it lies in the window */
	ENGINE_RESUME = 4,      /* in a fresh window: staging holds image_bytes of image */
	ENGINE_RESET = 5,       /* TPM2_Shutdown(CLEAR) unless the guest has, _TPM_Init: permanent state kept */
};

enum engine_status {
	ENGINE_OK = 0,
	ENGINE_BAD_ARGUMENT = 1, /* unknown op or profile, length out of range: nothing happened */
	ENGINE_NO_ENTROPY = 2,   /* the entropy call failed; the window must be discarded */
	ENGINE_BAD_STATE = 3,    /* ENGINE_RESUME: the image was refused; the window must be discarded */
	ENGINE_FATAL = 4,        /* abort, failed assertion or exhausted heap; the window must be discarded */
};

/* The argument of ENGINE_CALL_FATAL. */
enum engine_fault {
	ENGINE_FAULT_ABORT = 1,        /* abort() */
	ENGINE_FAULT_ASSERTION = 2,    /* a failed assertion */
	ENGINE_FAULT_STACK_SMASH = 3,  /* a stack protector's canary was overwritten */
	ENGINE_FAULT_OVERFLOW = 4,     /* a checked copy (_FORTIFY_SOURCE) would have written past its destination */
	ENGINE_FAULT_HEAP_FULL = 5,    /* a request that the heap cannot serve */
	ENGINE_FAULT_HEAP_CORRUPT = 6, /* a block header is damaged, or a block was freed twice */
	ENGINE_FAULT_NO_SYSTEM = 7,    /* a library called an operating system function that does not exist here */
};

struct engine_mailbox {
	uint32_t op;
	uint32_t profile; /* VTPM_PROFILE_* */
	uint32_t request_bytes;
	uint32_t response_bytes;
	uint64_t image_va;
	uint64_t image_bytes;
	/* Set before every run: MIDR_EL1 and ID_AA64ISAR0_EL1, which cannot be read at EL0. */
	uint64_t midr;
	uint64_t isar0;
	uint64_t platform_closed; /* not 0: the guest has no platform hierarchy */
	/* Written by the engine before it returns: heap bytes allocated, now and at most since the window was fresh. */
	uint64_t heap_bytes;
	uint64_t heap_peak_bytes;
	/* 0 before every run. Set while the engine is interrupted: the command may end with TPM_RC_CANCELED. */
	uint64_t cancel;
	uint64_t reserved;
	uint8_t request[ENGINE_BUFFER_BYTES];
	uint8_t response[ENGINE_BUFFER_BYTES];
};
#endif

#endif
