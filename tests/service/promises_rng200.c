/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver of the BCM2711's generator, on registers that behave as Linux's driver expects them to. */
#include "arch_helpers.h"
#include "lib/mmio.h"
#include "promise.h"
#include "rng200.h"

#define BASE 0xfe104000U
#define TICKS_PER_SECOND 1000000U /* one bit each, when it runs */
#define WARM_UP_TICKS 0x40000U
#define NEVER UINT64_MAX

/* Offsets and bits: the driver's own are written down once more, so that a slip in one of them is seen. */
enum {
	CTRL = 0x00,
	RNG_RESET = 0x04,
	RBG_RESET = 0x08,
	BITS = 0x0c,
	DISCARD = 0x10,
	STATUS = 0x18,
	DATA = 0x20,
	COUNT = 0x24
};

static struct {
	bool present;
	bool mute;               /* it counts, but gives nothing */
	unsigned int failing;    /* so many starts end in a failed test */
	uint32_t failure;        /* the bit that says so */
	bool gives_all_the_same; /* there are words in spite of that */
	uint64_t now;
	uint64_t started; /* NEVER: it is stopped */
	unsigned int starts;
	uint32_t next_word;
	uint32_t discard;
} device;

static void power_on(void)
{
	device.now = 0;
	device.started = NEVER;
	device.starts = 0;
	device.discard = 0;
	device.present = true;
	device.mute = false;
	device.failing = 0;
	device.failure = 1U << 5;
	device.gives_all_the_same = false;
	device.next_word = 0x1000;
}

static uint64_t running_for(void)
{
	return device.started == NEVER ? 0 : device.now - device.started;
}

uint64_t read_cntpct_el0(void)
{
	return device.now++;
}

uint64_t read_cntfrq_el0(void)
{
	return TICKS_PER_SECOND;
}

uint32_t mmio_read_32(uintptr_t address)
{
	bool warm = running_for() > device.discard;
	bool failed = device.failing != 0 && running_for() > WARM_UP_TICKS / 2;

	device.now++;
	switch (address - BASE) {
	case BITS:
		return device.present ? (uint32_t)running_for() : 0;
	case STATUS:
		return failed ? device.failure : 0;
	case COUNT:
		return 2U << 8 |
		       (device.present && warm && (!failed || device.gives_all_the_same) && !device.mute ? 16U : 0U);
	case DATA:
		CHECK(warm);
		return device.next_word++;
	default:
		CHECK(!"a register that there is");
		return 0;
	}
}

void mmio_write_32(uintptr_t address, uint32_t value)
{
	switch (address - BASE) {
	case CTRL:
		if ((value & 0x1fff) == 0) {
			device.started = NEVER;
			break;
		}
		CHECK_EQUAL(device.discard, WARM_UP_TICKS);
		device.failing -= device.failing != 0 && device.starts != 0;
		device.started = device.now;
		device.starts++;
		break;
	case DISCARD:
		device.discard = value;
		break;
	case STATUS:
	case RNG_RESET:
	case RBG_RESET:
		break;
	default:
		CHECK(!"a register that may be written");
	}
}

PROMISE(a_generator_that_works_gives_words_after_its_warm_up)
{
	uint64_t one;
	uint64_t other;

	power_on();
	CHECK(rng200_start());
	CHECK(running_for() > WARM_UP_TICKS);
	CHECK(rng200_word(&one) && rng200_word(&other));
	CHECK(one != other);
	CHECK_EQUAL(one >> 32, 0x1002);
	CHECK_EQUAL((uint32_t)one, 0x1003);
	CHECK_EQUAL(device.starts, 1);
}

PROMISE(a_generator_that_is_not_there_is_given_up_soon)
{
	power_on();
	device.present = false;
	CHECK(!rng200_start());
	CHECK(device.now < TICKS_PER_SECOND / 10);
	CHECK_EQUAL(device.started, NEVER);
}

PROMISE(a_generator_that_gives_nothing_is_given_up)
{
	uint64_t word;

	power_on();
	device.mute = true;
	CHECK(!rng200_start());
	CHECK(device.now < 10ULL * TICKS_PER_SECOND);
	CHECK(!rng200_word(&word));
	CHECK(device.now < 20ULL * TICKS_PER_SECOND);
}

static void check_failure(uint32_t bit)
{
	uint64_t word;

	power_on();
	CHECK(rng200_start());
	device.failure = bit;
	device.failing = 1;
	CHECK(rng200_word(&word)); /* once may be chance: it is started again */
	CHECK_EQUAL(device.starts, 2);
	device.failing = 3;
	CHECK(!rng200_word(&word));
	CHECK_EQUAL(device.starts, 3);
}

PROMISE(a_generator_that_fails_its_own_test_twice_in_a_row_gives_no_word)
{
	check_failure(1U << 5);
}

/* What has just failed a statistical test must not be what a key is made of, though it can be read. */
PROMISE(a_word_from_a_generator_that_fails_its_own_test_is_not_used)
{
	uint64_t word;

	power_on();
	CHECK(rng200_start());
	device.failing = 3;
	device.gives_all_the_same = true;
	CHECK(!rng200_word(&word));
}

PROMISE(a_generator_that_locked_itself_gives_no_word)
{
	check_failure(1U << 31);
}
