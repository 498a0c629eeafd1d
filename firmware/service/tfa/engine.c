/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine image: accepting it, and mapping what BL31 itself needs of it. BL31 never executes it; tables.c maps its
 * code for the engine's own translation regime.
 */
#include <string.h>

#include <arch_helpers.h>
#include <lib/utils.h>
#include <lib/xlat_tables/xlat_tables_v2.h>

#include "glue.h"
#include "sha256.h"
#include "vtpm_engine.h" /* made by the build */
#include "vtpm_platform.h"
#include "vtpm_service.h"

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
static const char *check_image(struct engine_header *header)
{
	const char *reason;

	*header = *(const struct engine_header *)VTPM_ENGINE_PA;
	reason = vtpm_engine_check(header);
	return reason != NULL ? reason : authenticate();
}

static const char *read_header(struct engine_header *header)
{
	const char *reason;

	if (map(VTPM_ENGINE_PA, VTPM_ENGINE_MAX_BYTES, MT_RO_DATA | MT_SECURE) != 0) {
		return "cannot map the engine's image";
	}
	reason = check_image(header);
	(void)mmap_remove_dynamic_region(VTPM_ENGINE_PA, VTPM_ENGINE_MAX_BYTES);
	return reason;
}

const char *glue_engine_map(void)
{
	struct engine_header engine;
	const char *reason = read_header(&engine);

	if (reason != NULL) {
		return reason;
	}
	/* Its constants only, for they hold the initial content of its data. */
	if (map(engine.rodata_va, engine.rodata_bytes, MT_RO_DATA | MT_SECURE) != 0) {
		return "cannot map the engine's constants";
	}
	if (map(VTPM_QUEUE_POOL_PA, VTPM_QUEUE_POOL_BYTES, MT_NON_CACHEABLE | MT_RW | MT_NS | MT_EXECUTE_NEVER) != 0) {
		return "cannot map the queue pool";
	}
	/* The core relies on it: a free page is a zero page. */
	zeromem((void *)VTPM_SECURE_POOL_PA, VTPM_SECURE_POOL_BYTES);
	tables_build(&engine);
	sandbox_init(&engine);
	vtpm_service_init(&engine);
	return NULL;
}
