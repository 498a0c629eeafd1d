/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port of the service's core on the host. Memory is plain arrays; every access to a queue is checked and recorded,
 * and switches make hardware fail.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "state.h"

#define WORD sizeof(uint64_t)

struct host_switches host;
struct host_seen seen;

static _Alignas(4096) uint8_t secure[VTPM_SECURE_POOL_BYTES];
static _Alignas(4096) uint8_t queues[VTPM_QUEUE_POOL_BYTES];
static uint8_t reads[VTPM_QUEUE_POOL_BYTES];
static uint64_t words_drawn;

/* This CPU has written to a queue since its last barrier: others may see that write later than the next one. */
static _Thread_local bool unordered;

/* This CPU has read HEAD or START since its last barrier: what it reads next may be from before they changed. */
static _Thread_local bool unconfirmed;

static void die(const char *what, uint64_t address)
{
	fprintf(stderr, "the service %s 0x%llx\n", what, (unsigned long long)address);
	abort();
}

void host_start(void)
{
	struct engine_header header = host_engine_header();

	memset(secure, 0, sizeof(secure));
	memset(queues, 0, sizeof(queues));
	memset(&host, 0, sizeof(host));
	host_forget_calls();
	memset(&seen, 0, sizeof(seen));
	host_watch_reads();
	vtpm_service_init(&header);
	vtpm_entropy_start();
}

uint8_t *host_secure(uint64_t pa)
{
	if (pa < VTPM_SECURE_POOL_PA || pa >= VTPM_SECURE_POOL_PA + VTPM_SECURE_POOL_BYTES) {
		die("went outside the secure pool, to", pa);
	}
	return &secure[pa - VTPM_SECURE_POOL_PA];
}

uint8_t *host_queue(uint64_t pa)
{
	if (pa < VTPM_QUEUE_POOL_PA || pa >= VTPM_QUEUE_POOL_PA + VTPM_QUEUE_POOL_BYTES) {
		die("went outside the queue pool, to", pa);
	}
	return &queues[pa - VTPM_QUEUE_POOL_PA];
}

bool host_secure_is_zero(uint64_t pa, size_t bytes)
{
	const uint8_t *memory = host_secure(pa);

	return memory[0] == 0 && memcmp(memory, memory + 1, bytes - 1) == 0;
}

bool host_secrets_are_gone(void)
{
	uint64_t images = VTPM_STATE_PAGES * VTPM_PAGE_BYTES;

	return host_secure_is_zero(VTPM_IMAGE_POOL_PA + images, VTPM_IMAGE_POOL_BYTES - images) &&
	       host_secure_is_zero(VTPM_WINDOWS_PA, VTPM_WINDOW_COUNT * ENGINE_WINDOW_BYTES);
}

void *port_secure(struct pa pa)
{
	return host_secure(pa.value);
}

void host_watch_reads(void)
{
	memset(reads, 0, sizeof(reads));
}

static void note_read(uint64_t pa, size_t bytes)
{
	uint8_t *count = &reads[pa - VTPM_QUEUE_POOL_PA];

	for (size_t byte = 0; byte < bytes; byte++) {
		seen.double_reads += count[byte]++ != 0;
	}
	if (host.after_queue_read != NULL) {
		host.after_queue_read(pa, bytes);
	}
}

/* A response ends a command: its slot may be read again for the next one. */
static void note_write(uint64_t pa, size_t bytes)
{
	uint64_t offset = pa - VTPM_QUEUE_POOL_PA;

	memset(&reads[offset & ~(uint64_t)(VTPM_PAGE_BYTES - 1)], 0, VTPM_PAGE_BYTES);
	if (bytes > VTPM_PAGE_BYTES - offset % VTPM_PAGE_BYTES) {
		seen.stray_writes++;
	}
}

/* What a guest writes last; whoever has seen it relies on everything the guest wrote before. */
static bool is_announcement(uint64_t pa)
{
	uint64_t offset = pa % VTPM_PAGE_BYTES;

	return offset == VTPM_RING_HEAD || offset == VTPM_CRB_CTRL_START;
}

uint32_t port_queue_read32(struct pa pa)
{
	uint32_t value;

	memcpy(&value, host_queue(pa.value), sizeof(value));
	if (is_announcement(pa.value)) {
		unconfirmed = true;
	} else {
		seen.unordered_reads += unconfirmed;
	}
	note_read(pa.value, sizeof(value));
	return value;
}

/* Where the service has something to write in a control page. */
static bool has_business_at(uint64_t offset)
{
	static const uint16_t registers[] = {
		VTPM_CRB_LOC_STATE,    VTPM_CRB_LOC_STS,   VTPM_CRB_INTF_ID,   VTPM_CRB_CTRL_STS, VTPM_CRB_CTRL_START,
		VTPM_CRB_CMD_SIZE,     VTPM_CRB_CMD_LADDR, VTPM_CRB_CMD_HADDR, VTPM_CRB_RSP_SIZE, VTPM_CRB_RSP_ADDR,
		VTPM_CRB_RSP_ADDR + 4, VTPM_RING_MAGIC,    VTPM_RING_SLOTS,    VTPM_RING_TAIL,
	};

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (offset == registers[i]) {
			return true;
		}
	}
	return offset >= VTPM_RING_ENTRIES && offset < VTPM_RING_ENTRIES + VTPM_MAX_SLOTS * VTPM_RING_ENTRY_BYTES &&
	       (offset - VTPM_RING_ENTRIES) % VTPM_RING_ENTRY_BYTES <= VTPM_ENTRY_LENGTH;
}

/* What a guest may wait for; whoever sees it change relies on everything written before. */
static bool is_waited_for(uint64_t offset)
{
	return offset == VTPM_CRB_CTRL_START || offset == VTPM_RING_TAIL ||
	       (offset >= VTPM_RING_ENTRIES &&
		(offset - VTPM_RING_ENTRIES) % VTPM_RING_ENTRY_BYTES == VTPM_ENTRY_STATE);
}

void port_queue_write32(struct pa pa, uint32_t value)
{
	seen.unordered_writes += unordered && is_waited_for(pa.value % VTPM_PAGE_BYTES);
	unordered = true;
	seen.stray_writes += !has_business_at(pa.value % VTPM_PAGE_BYTES);
	if (pa.value % sizeof(value) != 0) {
		die("writes a word unaligned at", pa.value);
	}
	memcpy(host_queue(pa.value), &value, sizeof(value));
}

void port_queue_copy_in(void *to, struct pa from, size_t bytes)
{
	uint8_t *out = to;

	if (from.value % WORD != 0 || (uintptr_t)to % WORD != 0) {
		die("copies from an unaligned place", from.value);
	}
	host_queue(from.value + bytes - 1);
	seen.unordered_reads += unconfirmed;
	for (size_t done = 0; done < bytes; done += WORD) {
		size_t part = bytes - done < WORD ? bytes - done : WORD;

		memcpy(out + done, host_queue(from.value + done), part);
		note_read(from.value + done, part);
	}
}

void port_queue_copy_out(struct pa to, const void *from, size_t bytes)
{
	host_queue(to.value + bytes - 1);
	note_write(to.value, bytes);
	unordered = true;
	memcpy(host_queue(to.value), from, bytes);
}

void port_queue_zero(struct pa pa, size_t bytes)
{
	void (*other_cpu)(void) = host.before_queue_zero;

	host.before_queue_zero = NULL;
	if (other_cpu != NULL) {
		other_cpu();
	}
	host_queue(pa.value + bytes - 1);
	memset(host_queue(pa.value), 0, bytes);
}

void port_queue_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	unordered = false;
	unconfirmed = false;
}

void port_copy(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

void port_zero_pages(void *memory, size_t bytes)
{
	if ((uintptr_t)memory % VTPM_PAGE_BYTES != 0 || bytes % VTPM_PAGE_BYTES != 0) {
		die("zeroes less than pages at", (uint64_t)(uintptr_t)memory);
	}
	memset(memory, 0, bytes);
}

bool port_translate(struct va va, bool write, struct pa *out)
{
	return host.translate != NULL && host.translate(va.value, write, &out->value);
}

enum engine_status port_engine_enter(unsigned int window, bool for_caller, uint64_t *ticks)
{
	uint8_t *memory = host_secure(VTPM_WINDOWS_PA + (uint64_t)window * ENGINE_WINDOW_BYTES);
	void (*other_cpu)(void) = host.while_engine_runs;

	__atomic_fetch_add(&seen.engine_calls, 1, __ATOMIC_RELAXED);
	*ticks = 1;
	if (other_cpu != NULL) {
		host.while_engine_runs = NULL;
		other_cpu();
		host.while_engine_runs = other_cpu;
	}
	if (for_caller && host_call_is_abandoned()) {
		return ENGINE_FATAL;
	}
	while (host.parks > 0 && host_can_park()) {
		host.parks--;
		host_park();
		if (for_caller && host_call_is_abandoned()) {
			return ENGINE_FATAL;
		}
		vtpm_engine_goes_on(window);
	}
	return toy_engine(window, memory);
}

void port_processor(uint64_t *midr, uint64_t *isar0)
{
	*midr = 0;
	*isar0 = 0;
}

void port_engine_gave_up(uint64_t fault)
{
	(void)fault;
}

void port_engine_bad_call(uint64_t number, uint64_t argument)
{
	(void)number;
	(void)argument;
	seen.bad_calls++;
}

void port_engine_log(const char *text)
{
	seen.log_lines++;
	snprintf(seen.log, sizeof(seen.log), "%s", text);
}

bool port_entropy_word(uint64_t *out)
{
	if (host.entropy_word != NULL) {
		*out = host.entropy_word(seen.words++);
		return true;
	}
	if (host.entropy == HOST_ENTROPY_STUCK) {
		*out = UINT64_C(0x5555555555555555);
		return true;
	}
	if (host.words_left == 1) {
		host.entropy = HOST_ENTROPY_FAILS;
	}
	host.words_left -= host.words_left > 0;
	/* Never repeats a word, and is no secret. */
	*out = __atomic_add_fetch(&words_drawn, 1, __ATOMIC_RELAXED) * UINT64_C(0x9e3779b97f4a7c15);
	return host.entropy == HOST_ENTROPY_GOOD;
}

uint64_t port_entropy_features(void)
{
	return VTPM_FEATURE_ENTROPY_CPU;
}

bool port_interrupt_pending(void)
{
	return host.interrupt;
}

void port_relax(void)
{
	__atomic_fetch_add(&seen.waits, 1, __ATOMIC_RELAXED);
	sched_yield();
}

uint64_t port_ticks(void)
{
	static uint64_t ticks;

	return __atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);
}

void port_report_failure(uint64_t vm_id, unsigned int index, const char *what)
{
	(void)vm_id;
	(void)index;
	(void)what;
}
