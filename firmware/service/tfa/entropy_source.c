/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's entropy: the platform's source, which one CPU at a time may use.
 */
#include <arch_features.h>
#include <arch_helpers.h>

#include "board.h"
#include "glue.h"
#include "lock.h"
#include "vtpm_port.h"
#include "vtpm_service.h"

/* How often a failing RNDRRS is tried again; the Arm ARM promises success "in a reasonable time". */
#define RNDRRS_TRIES 64

/*
 * A word takes well under a millisecond, but the Pi's generator fails a test of its own now and then, and needs 262 ms
 * to start again. A CPU that gets no turn in more than twice that time takes the source for broken.
 */
#define TURN_MICROSECONDS 700000

static const struct entropy_source *source;
static struct vtpm_lock turn;

/*
 * Arm DDI 0487, RNDRRS: encoded S3_3_C2_C4_1, which every assembler knows. Unlike RNDR it is reseeded for every word.
 * PSTATE.Z says that no number could be returned.
 */
static bool draw_rndrrs(uint64_t *out)
{
	uint64_t word;
	uint32_t ok;

	__asm__ volatile("mrs %0, s3_3_c2_c4_1\n\tcset %w1, ne" : "=r"(word), "=r"(ok) : : "cc");
	*out = word;
	return ok != 0;
}

static bool cpu_word(uint64_t *out)
{
	for (unsigned int tries = 0; tries < RNDRRS_TRIES; tries++) {
		if (draw_rndrrs(out)) {
			return true;
		}
	}
	return false;
}

const struct entropy_source *entropy_cpu(void)
{
	static const struct entropy_source cpu = {"RNDRRS", VTPM_FEATURE_ENTROPY_CPU, cpu_word};

	return is_feat_rng_present() ? &cpu : NULL;
}

void glue_entropy_start(void *tree)
{
	source = board_entropy(tree);
	vtpm_entropy_start();
}

const char *glue_entropy_name(void)
{
	return source != NULL ? source->name : "none";
}

uint64_t port_entropy_features(void)
{
	return source != NULL ? source->feature : 0;
}

static bool take_turn(void)
{
	uint64_t end = read_cntpct_el0() + read_cntfrq_el0() / 1000000 * TURN_MICROSECONDS;

	while (!lock_try(&turn)) {
		if (read_cntpct_el0() > end) {
			return false;
		}
		port_relax();
	}
	return true;
}

bool port_entropy_word(uint64_t *out)
{
	bool done;

	if (source == NULL || !take_turn()) {
		return false;
	}
	done = source->word(out);
	lock_release(&turn);
	return done;
}
