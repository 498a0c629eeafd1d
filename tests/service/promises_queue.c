/* SPDX-License-Identifier: BSD-3-Clause */
/* The queue: CRB registers, ring, and guests that change their mind. */
#include <string.h>

#include "calls.h"
#include "promise.h"
#include "state.h"

#define ANY_COMMAND 0x17b
#define IPA 0x80100000

PROMISE(control_page_is_laid_out_for_an_unmodified_crb_driver)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 4, 0, &instance), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_MAGIC), VTPM_RING_MAGIC_VALUE);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_SLOTS), 4);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_INTF_ID) & 0xf, 1);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_SIZE), VTPM_SLOT_BYTES);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_LADDR), 0);
	CHECK_EQUAL(bind(&instance, 1, 0x44000000, 1, IPA), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_LADDR), IPA + VTPM_PAGE_BYTES);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_HADDR), 0);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_RSP_ADDR), IPA + VTPM_PAGE_BYTES);
}

PROMISE(one_doorbell_carries_as_many_commands_as_there_are_slots)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 3, 0, &instance), VTPM_OK);
	for (uint32_t round = 1; round <= 5; round++) {
		for (uint32_t i = 0; i < 3; i++) {
			submit(&instance, ANY_COMMAND, 10 + i);
		}
		CHECK_EQUAL(forward(&instance), VTPM_OK);
		CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 3 * round);
		CHECK_EQUAL(entry_read(&instance, 2, VTPM_ENTRY_STATE), VTPM_SLOT_DONE);
		CHECK_EQUAL(entry_read(&instance, 2, VTPM_ENTRY_LENGTH), 10 + sizeof(struct toy_answer));
		CHECK_EQUAL(seen.request_bytes, 12);
	}
	CHECK_EQUAL(seen.stray_writes, 0);
}

/* A vCPU that waits for TAIL, a slot's state or START without ringing itself sees all that the change announces. */
PROMISE(whoever_waits_for_an_answer_sees_all_of_it)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES - 1);
	control_write(&instance, VTPM_CRB_CTRL_START, 1);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CTRL_START), 0);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 2);
	CHECK_EQUAL(seen.unordered_writes, 0);
}

PROMISE(an_empty_doorbell_does_nothing)
{
	struct instance instance;
	uint64_t calls;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	calls = seen.engine_calls;
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.engine_calls, calls);
}

PROMISE(a_head_beyond_the_slots_is_a_bad_queue)
{
	struct instance instance;
	uint64_t calls;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	calls = seen.engine_calls;
	control_write(&instance, VTPM_CRB_CTRL_START, 1);
	control_write(&instance, VTPM_RING_HEAD, 3);
	CHECK_EQUAL(forward(&instance), VTPM_E_BAD_QUEUE);
	control_write(&instance, VTPM_RING_HEAD, UINT32_MAX);
	CHECK_EQUAL(forward(&instance), VTPM_E_BAD_QUEUE);
	CHECK_EQUAL(seen.engine_calls, calls);
}

PROMISE(ring_registers_of_the_service_are_never_believed)
{
	struct instance instance;
	uint32_t slot;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	slot = submit(&instance, ANY_COMMAND, 10);
	control_write(&instance, VTPM_RING_TAIL, 77);
	control_write(&instance, VTPM_RING_SLOTS, 1 << 20);
	control_write(&instance, VTPM_CRB_CMD_LADDR, 0x0e400000);
	control_write(&instance, VTPM_CRB_RSP_ADDR, 0x0e400000);
	control_write(&instance, VTPM_CRB_CMD_SIZE, UINT32_MAX);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(entry_read(&instance, slot, VTPM_ENTRY_STATE), VTPM_SLOT_DONE);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 1);
}

PROMISE(lengths_and_states_out_of_range_get_a_tpm_error)
{
	static const uint32_t lengths[] = {0, 9, 4097, UINT32_MAX};
	struct instance instance;
	uint32_t slot;
	uint64_t calls;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	calls = seen.engine_calls;
	for (uint32_t i = 0; i < 4; i++) {
		slot = submit(&instance, ANY_COMMAND, lengths[i]);
		CHECK_EQUAL(forward(&instance), VTPM_OK);
		CHECK_EQUAL(entry_read(&instance, slot, VTPM_ENTRY_STATE), VTPM_SLOT_REFUSED);
		CHECK_EQUAL(entry_read(&instance, slot, VTPM_ENTRY_LENGTH), VTPM_TPM_HEADER_BYTES);
		CHECK_EQUAL(slot_of(&instance, slot)[9], VTPM_TPM_RC_COMMAND_SIZE & 0xff);
	}
	slot = submit(&instance, ANY_COMMAND, 10);
	control_write(&instance, VTPM_RING_ENTRIES + VTPM_ENTRY_STATE, VTPM_SLOT_FREE);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(entry_read(&instance, slot, VTPM_ENTRY_STATE), VTPM_SLOT_REFUSED);
	CHECK_EQUAL(seen.engine_calls, calls);
}

/* Of all values of a slot's state only one asks for anything. */
PROMISE(a_slot_that_was_not_submitted_is_refused)
{
	static const uint32_t states[] = {VTPM_SLOT_FREE, VTPM_SLOT_DONE,    VTPM_SLOT_REFUSED, 4,
					  0x10001,        UINT32_C(1) << 31, UINT32_MAX};
	struct instance instance;
	uint64_t calls;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	calls = seen.engine_calls;
	for (uint32_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
		control_write(&instance, VTPM_RING_ENTRIES + VTPM_ENTRY_STATE, states[i]);
		CHECK_EQUAL(forward(&instance), VTPM_OK);
		CHECK_EQUAL(entry_read(&instance, 0, VTPM_ENTRY_STATE), VTPM_SLOT_REFUSED);
		CHECK_EQUAL(slot_of(&instance, 0)[9], VTPM_TPM_RC_COMMAND_SIZE & 0xff);
	}
	CHECK_EQUAL(seen.engine_calls, calls);
}

/* HEAD and TAIL count modulo 2^32, which a guest that rings 1000 times a second reaches in seven weeks. */
PROMISE(counters_wrap_at_their_last_value_and_nowhere_else)
{
	static const uint32_t tails[] = {0x7ffffffe, 0xfffffffe};
	struct vtpm_instance *secret = &state_get()->instances[0];
	struct instance instance;
	struct toy_answer answer;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	for (uint32_t i = 0; i < 2; i++) {
		secret->tail = tails[i];
		instance.head = tails[i];
		control_write(&instance, VTPM_RING_HEAD, tails[i]);
		CHECK_EQUAL(forward(&instance), VTPM_OK);
		for (uint32_t done = 1; done <= 4; done++) {
			CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_OK);
			CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), tails[i] + done);
		}
		CHECK_EQUAL(answer.commands, 4 * (i + 1));
		control_write(&instance, VTPM_RING_HEAD, instance.head + 3);
		CHECK_EQUAL(forward(&instance), VTPM_E_BAD_QUEUE);
	}
}

/* A CPU may read a slot early; if that was before the guest wrote it, EL3 would run what stood there before. */
PROMISE(what_head_and_start_announce_is_read_after_them)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	control_write(&instance, VTPM_CRB_CTRL_START, 1);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.unordered_reads, 0);
}

PROMISE(the_largest_command_fits_and_arrives_whole)
{
	struct instance instance;
	uint32_t slot;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	for (uint32_t i = 0; i < VTPM_SLOT_BYTES; i++) {
		slot_of(&instance, 0)[i] = (uint8_t)(i * 7);
	}
	slot = submit(&instance, ANY_COMMAND, VTPM_SLOT_BYTES);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(entry_read(&instance, slot, VTPM_ENTRY_STATE), VTPM_SLOT_DONE);
	CHECK_EQUAL(seen.request_bytes, VTPM_SLOT_BYTES);
	CHECK_EQUAL(seen.request[4095], (uint8_t)(4095 * 7));
}

PROMISE(the_response_is_exactly_what_is_written)
{
	struct instance instance;
	uint32_t end = VTPM_TPM_HEADER_BYTES + sizeof(struct toy_answer);

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	memset(slot_of(&instance, 0), 0xee, VTPM_SLOT_BYTES);
	submit(&instance, ANY_COMMAND, 12);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK(slot_of(&instance, 0)[end - 1] != 0xee);
	for (uint32_t i = end; i < VTPM_SLOT_BYTES; i++) {
		CHECK_EQUAL(slot_of(&instance, 0)[i], 0xee);
	}
}

static void put_crb_command(const struct instance *instance, uint32_t code, uint32_t size)
{
	const uint8_t header[] = {0x80,
				  0x01,
				  (uint8_t)(size >> 24),
				  (uint8_t)(size >> 16),
				  (uint8_t)(size >> 8),
				  (uint8_t)size,
				  (uint8_t)(code >> 24),
				  (uint8_t)(code >> 16),
				  (uint8_t)(code >> 8),
				  (uint8_t)code};

	memcpy(slot_of(instance, 0), header, sizeof(header));
	control_write(instance, VTPM_CRB_CTRL_START, 1);
}

PROMISE(crb_start_runs_the_command_in_slot_0)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	for (uint32_t size = 10; size < 40; size++) {
		put_crb_command(&instance, ANY_COMMAND, size);
		CHECK_EQUAL(forward(&instance), VTPM_OK);
		CHECK_EQUAL(seen.request_bytes, size);
		CHECK_EQUAL(control_read(&instance, VTPM_CRB_CTRL_START), 0);
		CHECK_EQUAL(control_read(&instance, VTPM_CRB_CTRL_STS), 0);
		CHECK_EQUAL(slot_of(&instance, 0)[5], 10 + sizeof(struct toy_answer));
	}
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 0);
	CHECK_EQUAL(seen.double_reads, 0);
}

PROMISE(crb_sizes_out_of_range_get_a_tpm_error)
{
	static const uint32_t sizes[] = {0, 9, 4097, UINT32_MAX};
	struct instance instance;
	uint64_t calls;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	calls = seen.engine_calls;
	for (uint32_t i = 0; i < 4; i++) {
		put_crb_command(&instance, ANY_COMMAND, sizes[i]);
		CHECK_EQUAL(forward(&instance), VTPM_OK);
		CHECK_EQUAL(slot_of(&instance, 0)[5], VTPM_TPM_HEADER_BYTES);
		CHECK_EQUAL(slot_of(&instance, 0)[9], VTPM_TPM_RC_COMMAND_SIZE & 0xff);
		CHECK_EQUAL(control_read(&instance, VTPM_CRB_CTRL_START), 0);
	}
	CHECK_EQUAL(seen.engine_calls, calls);
}

PROMISE(crb_reports_a_failed_engine_in_its_status_register)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	put_crb_command(&instance, TOY_GIVES_UP, 10);
	CHECK_EQUAL(forward(&instance), VTPM_E_ENGINE_FAILED);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CTRL_STS), 1);
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CTRL_START), 0);
	CHECK_EQUAL(slot_of(&instance, 0)[9], VTPM_TPM_RC_FAILURE & 0xff);
}

PROMISE(reset_starts_the_ring_anew)
{
	struct toy_answer answer;
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	CHECK_EQUAL(bind(&instance, 1, 0x44000000, 1, IPA), VTPM_OK);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_OK);
	}
	CHECK_EQUAL(manage(VTPM_FID_RESET, instance.handle, 0, 0, 0, 0, NULL), VTPM_OK);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), 0);
	for (uint32_t slot = 0; slot < 2; slot++) {
		CHECK_EQUAL(entry_read(&instance, slot, VTPM_ENTRY_STATE), VTPM_SLOT_FREE);
		for (uint32_t i = 0; i < VTPM_SLOT_BYTES; i++) {
			CHECK_EQUAL(slot_of(&instance, slot)[i], 0);
		}
	}
	CHECK_EQUAL(control_read(&instance, VTPM_CRB_CMD_LADDR), IPA + VTPM_PAGE_BYTES);
	instance.head = 0;
	CHECK_EQUAL(run(&instance, ANY_COMMAND, &answer), VTPM_OK);
}

/* A guest's second CPU: whatever the service has just read becomes something else at once. */
static void flip_what_was_read(uint64_t pa, size_t bytes)
{
	memset(host_queue(pa), 0xff, bytes);
}

PROMISE(what_a_second_cpu_changes_after_the_read_changes_nothing)
{
	struct instance instance;
	uint32_t slot;

	CHECK_EQUAL(create(1, 0, 1, 0, &instance), VTPM_OK);
	slot = submit(&instance, ANY_COMMAND, 64);
	host.after_queue_read = flip_what_was_read;
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.request_bytes, 64);
	CHECK_EQUAL(seen.request[9], ANY_COMMAND & 0xff);
	CHECK_EQUAL(entry_read(&instance, slot, VTPM_ENTRY_STATE), VTPM_SLOT_DONE);
	host.after_queue_read = NULL;
	instance.head = control_read(&instance, VTPM_RING_TAIL);
	control_write(&instance, VTPM_RING_HEAD, instance.head);
	put_crb_command(&instance, ANY_COMMAND, 64);
	host.after_queue_read = flip_what_was_read;
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.request_bytes, 64);
	CHECK_EQUAL(seen.double_reads, 0);
}

static uint64_t mapped_va;
static uint64_t mapped_pa;
static uint64_t mapped_bytes;
static bool writable;

static uint64_t foreign_pages_probed_for_writing;

static bool guest_tables(uint64_t va, bool write, uint64_t *pa)
{
	foreign_pages_probed_for_writing += write && va - mapped_va >= mapped_bytes;
	*pa = mapped_pa + (va - mapped_va);
	return va - mapped_va < mapped_bytes && (!write || writable);
}

static int64_t check_queue(uint64_t va)
{
	const struct vtpm_caller guest = guest_of(1, 0x44000000);
	const uint64_t arguments[7] = {va, 0};

	return call_from(&guest, VTPM_FID_QUEUE_CHECK, arguments, NULL);
}

PROMISE(queue_check_accepts_only_a_va_that_maps_the_whole_queue_writably)
{
	struct instance instance;
	const uint64_t va = 0xffff000012340000;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	CHECK_EQUAL(check_queue(va), VTPM_E_NOT_PERMITTED);
	CHECK_EQUAL(bind(&instance, 1, 0x44000000, 1, 0), VTPM_OK);
	CHECK_EQUAL(check_queue(va), VTPM_E_BAD_ADDRESS);
	host.translate = guest_tables;
	mapped_va = va;
	mapped_pa = instance.queue;
	mapped_bytes = instance.bytes;
	writable = true;
	CHECK_EQUAL(check_queue(va), VTPM_OK);
	CHECK_EQUAL(check_queue(va + VTPM_PAGE_BYTES), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(check_queue(va + 8), VTPM_E_BAD_ADDRESS);
	CHECK_EQUAL(check_queue(0), VTPM_E_BAD_ADDRESS);
	mapped_bytes -= VTPM_PAGE_BYTES;
	CHECK_EQUAL(check_queue(va), VTPM_E_BAD_ADDRESS);
	mapped_bytes += VTPM_PAGE_BYTES;
	writable = false;
	CHECK_EQUAL(check_queue(va), VTPM_E_BAD_ADDRESS);
	writable = true;
	mapped_pa += VTPM_PAGE_BYTES;
	CHECK_EQUAL(check_queue(va), VTPM_E_BAD_ADDRESS);
	for (uint32_t bit = 12; bit < 48; bit++) {
		mapped_pa = instance.queue ^ UINT64_C(1) << bit;
		CHECK_EQUAL(check_queue(va), VTPM_E_BAD_ADDRESS);
	}
	mapped_pa = instance.queue;
	mapped_va = UINT64_MAX - 2 * VTPM_PAGE_BYTES + 1;
	CHECK_EQUAL(check_queue(mapped_va), VTPM_E_BAD_ADDRESS);
	mapped_va -= VTPM_PAGE_BYTES;
	CHECK_EQUAL(check_queue(mapped_va), VTPM_OK);
	CHECK_EQUAL(foreign_pages_probed_for_writing, 0);
}

/* The interrupt stays pending, as for a caller that masks it: the call is made again and again, and still ends. */
PROMISE(an_interrupt_waits_for_one_command_of_a_ring_and_not_for_all)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, VTPM_MAX_SLOTS, 0, &instance), VTPM_OK);
	for (uint32_t i = 0; i < VTPM_MAX_SLOTS; i++) {
		submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	}
	host.interrupt = true;
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.repeats, VTPM_MAX_SLOTS - 1);
	CHECK_EQUAL(control_read(&instance, VTPM_RING_TAIL), VTPM_MAX_SLOTS);
	CHECK_EQUAL(info(&instance, VTPM_INFO_STATE, 5), VTPM_MAX_SLOTS);
}

PROMISE(a_single_command_and_an_empty_ring_need_no_second_call)
{
	struct instance instance;

	CHECK_EQUAL(create(1, 0, 2, 0, &instance), VTPM_OK);
	host.interrupt = true;
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	submit(&instance, ANY_COMMAND, VTPM_TPM_HEADER_BYTES);
	CHECK_EQUAL(forward(&instance), VTPM_OK);
	CHECK_EQUAL(seen.repeats, 0);
}
