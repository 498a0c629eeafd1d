/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue of one instance: its CRB registers, its ring, and running what the guest has submitted.
 *
 * The guest can change every byte of the queue at any moment. So each field that it writes is read once, into a local
 * variable or into the engine's mailbox, checked there, and used from there. What the service itself needs (tail,
 * number of slots, addresses) is kept in secure memory; the copies in the control page are for the guest only and never
 * read back.
 */
#include <string.h>

#include "queue.h"
#include "windows.h"

/* TCG PC Client Platform TPM Profile 1.05, tables 22-27: the CRB register values. */
#define LOC_STATE_ASSIGNED_VALID 0x82 /* TPM_LOC_STATE_0: tpmRegValidSts, locAssigned, active locality 0 */
#define LOC_STS_GRANTED 0x1           /* TPM_LOC_STS_0: Granted, since locality 0 is the only one */
#define INTF_ID_LOW 0x000A4011        /* TPM_CRB_INTF_ID_0: CRB, version 1; CRB supported, selected and locked */
#define CTRL_STS_ERROR 0x1            /* TPM_CRB_CTRL_STS_0: tpmSts, a fatal error */
#define CTRL_START 0x1                /* TPM_CRB_CTRL_START_0: Start */

/* TPM 2.0 Library part 1, table 24: commandSize, behind the tag. */
#define TPM_SIZE_OFFSET 2

static struct pa control(const struct vtpm_instance *instance, uint32_t offset)
{
	return pa_add(instance->queue, offset);
}

static struct pa entry(const struct vtpm_instance *instance, uint32_t slot, uint32_t field)
{
	return control(instance, VTPM_RING_ENTRIES + slot * VTPM_RING_ENTRY_BYTES + field);
}

static struct pa buffer(const struct vtpm_instance *instance, uint32_t slot)
{
	return control(instance, VTPM_PAGE_BYTES + slot * VTPM_SLOT_BYTES);
}

static void put(const struct vtpm_instance *instance, uint32_t offset, uint32_t value)
{
	port_queue_write32(control(instance, offset), value);
}

/* A driver takes the first slot's buffer from these registers. Without an IPA they say that there is none yet: zero. */
void queue_write_addresses(const struct vtpm_instance *instance)
{
	uint64_t ipa = instance->queue_ipa.value;
	uint64_t slot = ipa == 0 ? 0 : ipa + VTPM_PAGE_BYTES;

	put(instance, VTPM_CRB_CMD_LADDR, (uint32_t)slot);
	put(instance, VTPM_CRB_CMD_HADDR, (uint32_t)(slot >> 32));
	put(instance, VTPM_CRB_RSP_ADDR, (uint32_t)slot);
	put(instance, VTPM_CRB_RSP_ADDR + sizeof(uint32_t), (uint32_t)(slot >> 32));
}

void queue_zero(const struct vtpm_instance *instance)
{
	for (uint32_t offset = 0; offset < instance_queue_bytes(instance); offset += VTPM_PAGE_BYTES) {
		port_queue_zero(control(instance, offset), VTPM_PAGE_BYTES);
		port_breathe();
	}
}

void queue_init(struct vtpm_instance *instance)
{
	queue_zero(instance);
	instance->tail = 0;
	put(instance, VTPM_CRB_LOC_STATE, LOC_STATE_ASSIGNED_VALID);
	put(instance, VTPM_CRB_LOC_STS, LOC_STS_GRANTED);
	put(instance, VTPM_CRB_INTF_ID, INTF_ID_LOW);
	put(instance, VTPM_CRB_CMD_SIZE, VTPM_SLOT_BYTES);
	put(instance, VTPM_CRB_RSP_SIZE, VTPM_SLOT_BYTES);
	queue_write_addresses(instance);
	put(instance, VTPM_RING_SLOTS, instance->slots);
	put(instance, VTPM_RING_MAGIC, VTPM_RING_MAGIC_VALUE);
	port_queue_barrier();
}

static uint32_t big_endian32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Shorter than a header is no command; longer than a slot was not read. */
static bool length_valid(uint32_t bytes)
{
	return bytes >= VTPM_TPM_HEADER_BYTES && bytes <= VTPM_SLOT_BYTES;
}

/* Writes a response that is only a header, as TPM 2.0 Library part 1 has it for errors. Returns its length. */
static uint32_t respond_error(const struct vtpm_instance *instance, uint32_t slot, uint32_t code)
{
	const uint8_t response[VTPM_TPM_HEADER_BYTES] = {
		VTPM_TPM_TAG_NO_SESSIONS >> 8,
		VTPM_TPM_TAG_NO_SESSIONS & 0xff,
		0,
		0,
		0,
		sizeof(response),
		(uint8_t)(code >> 24),
		(uint8_t)(code >> 16),
		(uint8_t)(code >> 8),
		(uint8_t)code,
	};

	port_queue_copy_out(buffer(instance, slot), response, sizeof(response));
	return sizeof(response);
}

/*
 * Has the engine execute the request in its mailbox, and writes the response to `slot`. `*length` is that of the
 * response, also on failure: the slot then holds an error response, so that a driver that ignores x0 is not left with
 * its own request.
 */
static vtpm_status execute(struct vtpm_instance *instance, uint32_t slot, uint32_t request_bytes, uint32_t *length)
{
	struct engine_mailbox *mailbox = window_mailbox(instance);
	enum engine_status engine;

	mailbox->request_bytes = request_bytes;
	engine = window_run(instance, ENGINE_EXECUTE);
	instance->commands++;
	if (engine != ENGINE_OK || !length_valid(mailbox->response_bytes)) {
		window_fail(instance, "failed while it executed a command");
		*length = respond_error(instance, slot, VTPM_TPM_RC_FAILURE);
		return VTPM_E_ENGINE_FAILED;
	}
	*length = mailbox->response_bytes;
	port_queue_copy_out(buffer(instance, slot), mailbox->response, *length);
	return VTPM_OK;
}

/*
 * The lock of the window's owner is held by the call that goes on. The register concerns whichever command is being
 * executed, from the CRB or from the ring.
 */
void vtpm_engine_goes_on(unsigned int window)
{
	const struct vtpm_state *state = state_get();
	const struct vtpm_instance *instance = &state->instances[state->windows[window].owner];
	struct engine_mailbox *mailbox = window_mailbox(instance);

	if (mailbox->op == ENGINE_EXECUTE && port_queue_read32(control(instance, VTPM_CRB_CTRL_CANCEL)) != 0) {
		mailbox->cancel = 1;
	}
}

/*
 * Runs one command that was started by the CRB registers: it is in slot 0, and the size in its header is its length.
 * The two words that hold the header are read once, and the rest behind them, so that the size that was checked is the
 * size that the engine sees.
 */
static vtpm_status run_crb(struct vtpm_instance *instance)
{
	uint8_t *request = window_mailbox(instance)->request;
	vtpm_status status = VTPM_OK;
	uint32_t length;
	uint32_t size;

	_Static_assert(VTPM_TPM_HEADER_BYTES <= 2 * sizeof(uint64_t), "two words hold the header");
	port_queue_copy_in(request, buffer(instance, 0), 2 * sizeof(uint64_t));
	size = big_endian32(request + TPM_SIZE_OFFSET);
	if (!length_valid(size)) {
		respond_error(instance, 0, VTPM_TPM_RC_COMMAND_SIZE);
	} else {
		if (size > 2 * sizeof(uint64_t)) {
			port_queue_copy_in(request + 2 * sizeof(uint64_t),
					   pa_add(buffer(instance, 0), 2 * sizeof(uint64_t)),
					   size - 2 * sizeof(uint64_t));
		}
		status = execute(instance, 0, size, &length);
	}
	put(instance, VTPM_CRB_CTRL_STS, status == VTPM_OK ? 0 : CTRL_STS_ERROR);
	/* Start going back to 0 is what the driver polls for: the response must be there first. */
	port_queue_barrier();
	put(instance, VTPM_CRB_CTRL_START, 0);
	return status;
}

/*
 * Runs the command in the ring's tail slot. A slot that is not as it should be is refused with an error response, and
 * the ring goes on: one bad slot must not block those behind it.
 */
static vtpm_status run_slot(struct vtpm_instance *instance)
{
	uint32_t slot = instance->tail % instance->slots;
	uint32_t state = port_queue_read32(entry(instance, slot, VTPM_ENTRY_STATE));
	uint32_t length = port_queue_read32(entry(instance, slot, VTPM_ENTRY_LENGTH));
	vtpm_status status = VTPM_OK;

	if (state != VTPM_SLOT_SUBMITTED || !length_valid(length)) {
		length = respond_error(instance, slot, VTPM_TPM_RC_COMMAND_SIZE);
		state = VTPM_SLOT_REFUSED;
	} else {
		port_queue_copy_in(window_mailbox(instance)->request, buffer(instance, slot), length);
		status = execute(instance, slot, length, &length);
		state = VTPM_SLOT_DONE;
	}
	/* Response and length before the state, and the state before the tail: a guest may poll either of the two. */
	port_queue_write32(entry(instance, slot, VTPM_ENTRY_LENGTH), length);
	port_queue_barrier();
	port_queue_write32(entry(instance, slot, VTPM_ENTRY_STATE), state);
	port_queue_barrier();
	instance->tail++;
	put(instance, VTPM_RING_TAIL, instance->tail);
	return status;
}

/*
 * Between two commands nothing is half done, so an interrupt of the normal world need not wait for the next one. The
 * caller makes its call again after it. One command is executed per call whatever is pending: a caller that has its
 * interrupts masked gets on.
 */
static vtpm_status yield(uint32_t left)
{
	return left > 0 && port_interrupt_pending() ? VTPM_INTERRUPTED : VTPM_OK;
}

/*
 * HEAD is read once: commands that the guest submits from now on wait for its next doorbell, so that a guest cannot
 * keep EL3 busy by submitting as fast as it is served.
 */
static vtpm_status run_all(struct vtpm_instance *instance)
{
	bool start = (port_queue_read32(control(instance, VTPM_CRB_CTRL_START)) & CTRL_START) != 0;
	uint32_t pending = port_queue_read32(control(instance, VTPM_RING_HEAD)) - instance->tail;
	vtpm_status status = VTPM_OK;

	if (pending > instance->slots) {
		return VTPM_E_BAD_QUEUE;
	}
	if (!start && pending == 0) {
		return VTPM_OK;
	}
	/* What HEAD announces is read after HEAD. */
	port_queue_barrier();
	status = window_acquire(instance);
	if (status == VTPM_OK && start) {
		status = run_crb(instance);
		if (status == VTPM_OK) {
			status = yield(pending);
		}
	}
	while (status == VTPM_OK && pending > 0) {
		status = run_slot(instance);
		pending--;
		if (status == VTPM_OK) {
			status = yield(pending);
		}
	}
	port_queue_barrier();
	return status;
}

vtpm_status queue_run(struct vtpm_instance *instance)
{
	uint64_t started = port_ticks();
	vtpm_status status;

	if (instance->life != VTPM_LIVE) {
		return VTPM_E_BAD_STATE;
	}
	instance->measuring = (struct vtpm_ticks){0};
	status = run_all(instance);
	instance->measuring.total = port_ticks() - started;
	instance->last = instance->measuring;
	return status;
}

static bool translates_to(struct va va, bool write, struct pa page)
{
	struct pa found;

	return port_translate(va, write, &found) && pa_equal(found, page);
}

vtpm_status queue_check(struct pa queue, uint32_t bytes, struct va va)
{
	if (!page_range_fits(va.value, bytes, 64)) {
		return VTPM_E_BAD_ADDRESS;
	}
	for (uint32_t offset = 0; offset < bytes; offset += VTPM_PAGE_BYTES) {
		struct pa page = pa_add(queue, offset);

		if (!translates_to(va_add(va, offset), false, page) || !translates_to(va_add(va, offset), true, page)) {
			return VTPM_E_BAD_ADDRESS;
		}
	}
	return VTPM_OK;
}
