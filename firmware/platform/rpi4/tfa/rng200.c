/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BCM2711's random number generator. It has no public manual; registers and start-up are those of Linux
 * (iproc-rng200, BCM2711). The hardware tests what it produces (FIPS 140-2 statistics), and locks itself when that
 * fails repeatedly.
 */
#include "rng200.h"

#include <arch_helpers.h>
#include <lib/mmio.h>

#define BASE 0xfe104000U
#define CTRL (BASE + 0x00U)
#define RNG_SOFT_RESET (BASE + 0x04U)
#define RBG_SOFT_RESET (BASE + 0x08U)
#define TOTAL_BIT_COUNT (BASE + 0x0cU)
#define TOTAL_BIT_COUNT_THRESHOLD (BASE + 0x10U)
#define INT_STATUS (BASE + 0x18U)
#define FIFO_DATA (BASE + 0x20U)
#define FIFO_COUNT (BASE + 0x24U)

#define CTRL_STOP 0U
#define CTRL_RUN (3U << 13 | 0x1fffU)      /* samples at 1 MHz; all generators on */
#define STATUS_FAILED (1U << 31 | 1U << 5) /* it has locked itself; it has failed a statistical test */
#define STATUS_ALL 0xffffffffU
#define FIFO_WORDS_MASK 0xffU

/* The hardware discards the first bits after a start, for 0.26 s. If no bits are counted, the device is not there. */
#define DISCARDED_BITS 0x40000U
#define SIGN_OF_LIFE_BITS 16U
#define SIGN_OF_LIFE_MICROSECONDS 10000U
#define WARM_UP_MICROSECONDS 2000000U

static uint64_t in_microseconds(uint64_t microseconds)
{
	return read_cntpct_el0() + read_cntfrq_el0() / 1000000U * microseconds;
}

static void restart(void)
{
	mmio_write_32(CTRL, CTRL_STOP);
	mmio_write_32(INT_STATUS, STATUS_ALL);
	mmio_write_32(RBG_SOFT_RESET, 1U);
	mmio_write_32(RNG_SOFT_RESET, 1U);
	mmio_write_32(RNG_SOFT_RESET, 0U);
	mmio_write_32(RBG_SOFT_RESET, 0U);
	mmio_write_32(TOTAL_BIT_COUNT_THRESHOLD, DISCARDED_BITS);
	mmio_write_32(CTRL, CTRL_RUN);
}

static bool failed(void)
{
	return (mmio_read_32(INT_STATUS) & STATUS_FAILED) != 0U;
}

/* An empty FIFO reads as whatever it likes, so its count is looked at before each half of a word. */
static bool draw_half(uint64_t end, uint32_t *out)
{
	while ((mmio_read_32(FIFO_COUNT) & FIFO_WORDS_MASK) == 0U) {
		if (failed() || read_cntpct_el0() > end) {
			return false;
		}
	}
	*out = mmio_read_32(FIFO_DATA);
	return true;
}

/* Bounded by the time that the device needs after a start. A failure while the words were read spoils them. */
static bool draw(uint64_t *out)
{
	uint64_t end = in_microseconds(WARM_UP_MICROSECONDS);
	uint32_t upper;
	uint32_t lower;

	if (!draw_half(end, &upper) || !draw_half(end, &lower)) {
		return false;
	}
	*out = (uint64_t)upper << 32 | lower;
	return !failed();
}

bool rng200_start(void)
{
	uint64_t end = in_microseconds(SIGN_OF_LIFE_MICROSECONDS);
	uint64_t word;

	restart();
	while (mmio_read_32(TOTAL_BIT_COUNT) <= SIGN_OF_LIFE_BITS) {
		if (read_cntpct_el0() > end) {
			mmio_write_32(CTRL, CTRL_STOP);
			return false;
		}
	}
	return draw(&word);
}

/* True randomness fails a statistical test now and then, so it gets one more try, from the start. */
bool rng200_word(uint64_t *out)
{
	if (draw(out)) {
		return true;
	}
	restart();
	return draw(out);
}
