/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs and outcomes between a line of the dialogue and a mailbox. Instructions travel packed, and registers that
 * are zero do not travel at all: the serial line is what limits a test.
 */
#include "exchange.h"

#include "codec.h"
#include "memory.h"

struct outcome {
	uint32_t ended;
	uint32_t code;
	uint32_t pc;
	uint32_t registers;
	uint64_t steps;
	uint8_t rest[AGENT_FAULT_BYTES + AGENT_REGISTERS * sizeof(uint64_t) + AGENT_DATA_BYTES];
};

_Static_assert(offsetof(struct outcome, rest) == AGENT_OUTCOME_BYTES, "as Python reads it");

static struct outcome outcome; /* too large for a stack */

static uint64_t little_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	for (size_t i = count; i > 0U; i--) {
		value = value << 8U | bytes[i - 1U];
	}
	return value;
}

/* Returns the number of instructions, or 0 if there are none, or if one is incomplete. */
static uint32_t unpack(const uint8_t *bytes, size_t count, struct instruction *program)
{
	uint32_t done = 0;

	while (count >= AGENT_PACKED_BYTES && done < AGENT_MAX_INSTRUCTIONS) {
		size_t small = bytes[4] & 0xFU;
		size_t imm = bytes[4] >> 4U;

		if (small > sizeof(program->small) || imm > sizeof(program->imm) ||
		    count < AGENT_PACKED_BYTES + small + imm) {
			return 0;
		}
		program[done++] = (struct instruction){
			.op = bytes[0],
			.a = bytes[1],
			.b = bytes[2],
			.c = bytes[3],
			.small = (uint32_t)little_endian(&bytes[AGENT_PACKED_BYTES], small),
			.imm = little_endian(&bytes[AGENT_PACKED_BYTES + small], imm),
		};
		bytes += AGENT_PACKED_BYTES + small + imm;
		count -= AGENT_PACKED_BYTES + small + imm;
	}
	return count == 0U ? done : 0U;
}

bool exchange_load(const struct words *words, struct mailbox *box, struct wanted *wanted, struct reply *reply)
{
	static uint8_t packed[AGENT_MAX_INSTRUCTIONS * AGENT_PACKED_MOST];
	uint64_t numbers[4];
	size_t bytes;

	if (!words_numbers(words, 3, 4, numbers, reply)) {
		return false;
	}
	if (words->count != 9U || numbers[0] > AGENT_DATA_BYTES || numbers[1] > AGENT_DATA_BYTES - numbers[0] ||
	    numbers[3] > UINT32_MAX || !base64_decode(words->word[7], packed, sizeof(packed), &bytes)) {
		reply_error(reply, "program: malformed, or too long");
		return false;
	}
	box->instructions = unpack(packed, bytes, box->program);
	if (box->instructions == 0U) {
		reply_error(reply, "program: malformed, or too long");
		return false;
	}
	*wanted = (struct wanted){
		.data_offset = (uint32_t)numbers[0],
		.data_bytes = (uint32_t)numbers[1],
		.length_register = (uint32_t)numbers[2],
		.registers = (uint32_t)numbers[3],
	};
	/* "-": the program leaves the data area as the one before it has left it. */
	if (words->word[8][0] != '-' && !base64_decode(words->word[8], box->data, sizeof(box->data), &bytes)) {
		reply_error(reply, "program: data malformed, or too long");
		return false;
	}
	return true;
}

static size_t append(size_t at, const void *bytes, size_t count)
{
	memcpy(&outcome.rest[at], bytes, count);
	return at + count;
}

/* A guest can write anything to its registers: the length only ever makes the data shorter. */
static size_t data_bytes(const struct mailbox *box, const struct wanted *wanted)
{
	uint64_t length = wanted->data_bytes;

	if (wanted->length_register < AGENT_REGISTERS && box->r[wanted->length_register] < length) {
		length = box->r[wanted->length_register];
	}
	return length;
}

static void send(size_t bytes, struct reply *reply)
{
	reply_text(reply, " ");
	reply_base64(reply, &outcome, AGENT_OUTCOME_BYTES + bytes);
}

void exchange_outcome(const struct mailbox *box, const struct wanted *wanted, struct reply *reply)
{
	bool fault = box->fault.count != 0U || box->ended == AGENT_STOPPED;
	size_t bytes = 0;

	outcome.ended = box->ended | (fault ? AGENT_FAULT_FOLLOWS : 0U);
	outcome.code = box->code;
	outcome.pc = box->pc;
	outcome.steps = box->steps;
	outcome.registers = 0;
	if (fault) {
		bytes = append(bytes, &box->fault, sizeof(box->fault));
	}
	for (unsigned int i = 0; i < AGENT_REGISTERS; i++) {
		if ((wanted->registers & 1U << i) != 0U && box->r[i] != 0U) {
			outcome.registers |= 1U << i;
			bytes = append(bytes, &box->r[i], sizeof(box->r[i]));
		}
	}
	send(append(bytes, &box->data[wanted->data_offset], data_bytes(box, wanted)), reply);
}

void exchange_stuck(struct reply *reply)
{
	memset(&outcome, 0, AGENT_OUTCOME_BYTES); /* the mailbox is still being written to */
	outcome.ended = AGENT_STUCK;
	send(0, reply);
}
