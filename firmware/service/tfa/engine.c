/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine image at EL3: accepting it, mapping it, calling it, and surviving its failures.
 */
#include <stddef.h>
#include <string.h>

#include <arch_helpers.h>
#include <lib/utils.h>
#include <lib/xlat_tables/xlat_tables_v2.h>
#include <plat/common/platform.h>

#include "glue.h"
#include "sha256.h"
#include "vtpm_engine.h" /* made by the build */
#include "vtpm_platform.h"
#include "vtpm_port.h"
#include "vtpm_service.h"

/* What engine_switch.S keeps of the service while the engine runs. glue.h gives it the offsets. */
struct switch_frame {
	uint64_t callee_saved[12];
	uint64_t sp_el0;
	uint64_t sp_el3;
	uint64_t vbar;
	uint64_t sctlr;
	uint64_t ttbr0;
	uint64_t cptr;
	uint64_t daif;
	uint64_t fpcr;
	uint64_t fpsr;
	uint64_t faulted;
	uint64_t esr;
	uint64_t elr;
	uint64_t far;
	uint64_t started;
	uint64_t ended;
	uint64_t padding;
	uint64_t q[64];
};

_Static_assert(offsetof(struct switch_frame, sp_el0) == FRAME_SP_EL0, "engine_switch.S knows the frame");
_Static_assert(offsetof(struct switch_frame, daif) == FRAME_DAIF, "engine_switch.S knows the frame");
_Static_assert(offsetof(struct switch_frame, faulted) == FRAME_FAULTED, "engine_switch.S knows the frame");
_Static_assert(offsetof(struct switch_frame, ended) == FRAME_ENDED, "engine_switch.S knows the frame");
_Static_assert(offsetof(struct switch_frame, q) == FRAME_Q, "engine_switch.S knows the frame");
_Static_assert(sizeof(struct switch_frame) == FRAME_BYTES, "engine_switch.S knows the frame");
_Static_assert(ENGINE_FATAL == ENGINE_STATUS_FATAL, "engine_switch.S knows the status");

uint32_t engine_switch(struct switch_frame *frame, uint64_t entry, uint64_t mailbox, uint64_t stack_top,
		       uint64_t ttbr0);
void engine_abandon(void) __attribute__((noreturn));

/*
 * SP_EL3 points at the frame, so it must be a multiple of 16; cache lines of its own keep CPUs from slowing each other.
 */
static struct switch_frame frames[PLATFORM_CORE_COUNT] __attribute__((aligned(64)));
static struct engine_header engine;

/* One to one. TF-A's dynamic regions, because what to map stands in the engine's header. */
static int map(uint64_t va, uint64_t bytes, unsigned int attributes)
{
	return mmap_add_dynamic_region(va, va, bytes, attributes);
}

/* Where no boot loader has authenticated the image, BL31 accepts only the one that it was built with. */
static const char *authenticate(void)
{
	static const uint8_t expected[SHA256_BYTES] = VTPM_ENGINE_SHA256;
	uint8_t digest[SHA256_BYTES];
	struct sha256 hash;

	if (VTPM_ENGINE_AUTHENTICATED == 0) {
		return NULL;
	}
	sha256_start(&hash);
	sha256_add(&hash, (const void *)VTPM_ENGINE_PA, VTPM_ENGINE_BYTES);
	sha256_finish(&hash, digest);
	return memcmp(digest, expected, sizeof(digest)) == 0 ? NULL : "engine is not the one of this firmware";
}

/* The header lies at the start of whatever was loaded, so it is checked before anything is mapped to stay. */
static const char *check_image(void)
{
	const char *reason;

	engine = *(const struct engine_header *)VTPM_ENGINE_PA;
	reason = vtpm_engine_check(&engine);
	return reason != NULL ? reason : authenticate();
}

static const char *read_header(void)
{
	const char *reason;

	if (map(VTPM_ENGINE_PA, VTPM_ENGINE_MAX_BYTES, MT_RO_DATA | MT_SECURE) != 0) {
		return "cannot map the engine's image";
	}
	reason = check_image();
	(void)mmap_remove_dynamic_region(VTPM_ENGINE_PA, VTPM_ENGINE_MAX_BYTES);
	return reason;
}

const char *glue_engine_map(void)
{
	const char *reason = read_header();

	if (reason != NULL) {
		return reason;
	}
	if (map(engine.text_va, engine.text_bytes, MT_CODE | MT_SECURE) != 0 ||
	    map(engine.rodata_va, engine.rodata_bytes, MT_RO_DATA | MT_SECURE) != 0) {
		return "cannot map the engine";
	}
	if (map(VTPM_QUEUE_POOL_PA, VTPM_QUEUE_POOL_BYTES, MT_NON_CACHEABLE | MT_RW | MT_NS | MT_EXECUTE_NEVER) != 0) {
		return "cannot map the queue pool";
	}
	/* The core relies on it: a free page is a zero page. */
	zeromem((void *)VTPM_SECURE_POOL_PA, VTPM_SECURE_POOL_BYTES);
	tables_build(&engine);
	vtpm_service_init(&engine);
	return NULL;
}

static void report_fault(const struct switch_frame *frame)
{
	printf("vTPM: engine exception on CPU %u: ESR 0x%llx ELR 0x%llx FAR 0x%llx\n", plat_my_core_pos(),
	       (unsigned long long)frame->esr, (unsigned long long)frame->elr, (unsigned long long)frame->far);
}

enum engine_status port_engine_enter(unsigned int window, uint64_t *ticks)
{
	struct switch_frame *frame = &frames[plat_my_core_pos()];
	uint32_t status =
		engine_switch(frame, engine.entry, engine.mailbox_va, engine.stack_top, tables_select(window));

	*ticks = frame->ended - frame->started;
	if (frame->faulted != 0) {
		report_fault(frame);
	}
	return (enum engine_status)status;
}

void port_engine_fatal(uint32_t line)
{
	printf("vTPM: engine gave up on CPU %u at line %u\n", plat_my_core_pos(), line);
	engine_abandon();
}

void port_engine_log(const char *text)
{
	printf("vTPM: engine: %s\n", text);
}
