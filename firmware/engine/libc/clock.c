/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time since the system counter started. There is no calendar clock, so every clock id shows the counter. It is
 * the physical one, which no hypervisor can shift; a TPM's clock must not go backwards.
 */
#include <stdint.h>
#include <time.h>

enum { NANOSECONDS = 1000000000 };

/* Without the ISB the counter could be read before what stands in front of the call. */
static uint64_t counter_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("isb\n\tmrs %0, CNTPCT_EL0" : "=r"(ticks) : : "memory");
	return ticks;
}

static uint64_t counter_frequency(void)
{
	uint64_t frequency;

	__asm__ volatile("mrs %0, CNTFRQ_EL0" : "=r"(frequency));
	return frequency;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	uint64_t frequency = counter_frequency();
	uint64_t ticks = counter_ticks();

	(void)clock;
	now->tv_sec = (time_t)(ticks / frequency);
	now->tv_nsec = (long)(ticks % frequency * NANOSECONDS / frequency);
	return 0;
}

time_t time(time_t *out)
{
	time_t seconds = (time_t)(counter_ticks() / counter_frequency());

	if (out != NULL) {
		*out = seconds;
	}
	return seconds;
}

/* Only for debugTime of libtpms, which nothing reads. */
clock_t clock(void)
{
	return (clock_t)counter_ticks();
}
