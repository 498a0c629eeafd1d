/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about agents: run, start, wait. Agents are named `m<cpu>` at EL2 and `<vm>.<vcpu>` at EL1.
 */
#include <stddef.h>

#include "codec.h"
#include "commands_machine.h"
#include "memory.h"
#include "sysreg.h"
#include "vm.h"

struct outcome {
	uint32_t ended;
	uint32_t code;
	uint32_t pc;
	uint32_t registers;
	uint64_t steps;
	uint8_t rest[AGENT_FAULT_BYTES + AGENT_REGISTERS * sizeof(uint64_t) + AGENT_DATA_BYTES];
};

_Static_assert(offsetof(struct outcome, rest) == AGENT_OUTCOME_BYTES, "as Python reads it");

static struct agent *agent_of_vcpu(char *name)
{
	char *dot = name;
	uint64_t number;
	uint64_t index;
	struct vm *vm;

	while (*dot != '.' && *dot != '\0') {
		dot++;
	}
	if (*dot == '\0') {
		return NULL;
	}
	*dot = '\0';
	if (!parse_hex(name, &number) || !parse_hex(dot + 1, &index)) {
		return NULL;
	}
	vm = vm_get(number);
	return vm != NULL && index < vm->vcpus ? &vm->vcpu[index].agent : NULL;
}

static struct agent *agent_named(const struct words *words, struct reply *reply)
{
	struct agent *agent = NULL;
	uint64_t cpu;

	if (words->count > 1U) {
		char *name = words->word[1];

		if (name[0] != 'm') {
			agent = agent_of_vcpu(name);
		} else if (parse_hex(name + 1, &cpu)) {
			agent = agent_of_cpu((unsigned int)cpu);
		}
	}
	if (agent == NULL) {
		reply_error(reply, "agent: there is no such CPU, VM or vCPU");
	}
	return agent;
}

static uint64_t little_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	for (size_t i = count; i > 0U; i--) {
		value = value << 8U | bytes[i - 1U];
	}
	return value;
}

/* Returns the number of instructions, or 0 when there is none or one is cut short. */
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

/* Puts the program and its data into the mailbox: words 3 to 8. */
static bool load(const struct words *words, struct agent *agent, struct reply *reply)
{
	struct mailbox *box = agent->box;
	static uint8_t packed[AGENT_MAX_INSTRUCTIONS * AGENT_PACKED_MOST];
	uint64_t wanted[4];
	size_t bytes;

	if (!words_numbers(words, 3, 4, wanted, reply)) {
		return false;
	}
	if (words->count != 9U || wanted[0] > AGENT_DATA_BYTES || wanted[1] > AGENT_DATA_BYTES - wanted[0] ||
	    wanted[3] > UINT32_MAX || !base64_decode(words->word[7], packed, sizeof(packed), &bytes)) {
		reply_error(reply, "program: malformed, or too long");
		return false;
	}
	box->instructions = unpack(packed, bytes, box->program);
	if (box->instructions == 0U) {
		reply_error(reply, "program: malformed, or too long");
		return false;
	}
	agent->wanted = (struct wanted){
		.data_offset = (uint32_t)wanted[0],
		.data_bytes = (uint32_t)wanted[1],
		.length_register = (uint32_t)wanted[2],
		.registers = (uint32_t)wanted[3],
	};
	if (words->word[8][0] != '-' && !base64_decode(words->word[8], box->data, sizeof(box->data), &bytes)) {
		reply_error(reply, "program: data malformed, or too long");
		return false;
	}
	return true;
}

/* Returns the agent, running, or NULL after an error reply. */
static struct agent *start_agent(const struct words *words, struct reply *reply)
{
	struct agent *agent = agent_named(words, reply);
	uint64_t microseconds;

	if (agent == NULL || !words_numbers(words, 2, 1, &microseconds, reply)) {
		return NULL;
	}
	if (__atomic_load_n(&agent->state, __ATOMIC_ACQUIRE) != AGENT_IDLE) {
		reply_error(reply, "busy: the agent is running, or its outcome has not been fetched");
		return NULL;
	}
	if (!load(words, agent, reply)) {
		return NULL;
	}
	if (!agent_start(agent, counter_ticks(microseconds))) {
		reply_error(reply, "busy: every CPU is running an agent");
		return NULL;
	}
	return agent;
}

static size_t append(struct outcome *outcome, size_t at, const void *bytes, size_t count)
{
	memcpy(&outcome->rest[at], bytes, count);
	return at + count;
}

static size_t data_bytes(const struct agent *agent)
{
	const struct wanted *wanted = &agent->wanted;
	uint64_t length = wanted->data_bytes;

	if (wanted->length_register < AGENT_REGISTERS && agent->box->r[wanted->length_register] < length) {
		length = agent->box->r[wanted->length_register];
	}
	return length;
}

/* Fills in the outcome; returns the length of its last, variable part. */
static size_t collect(const struct agent *agent, struct outcome *outcome)
{
	const struct mailbox *box = agent->box;
	bool fault = box->fault.count != 0U || box->ended == AGENT_STOPPED;
	size_t bytes = 0;

	outcome->ended = box->ended | (fault ? AGENT_FAULT_FOLLOWS : 0U);
	outcome->code = box->code;
	outcome->pc = box->pc;
	outcome->steps = box->steps;
	outcome->registers = 0;
	if (fault) {
		bytes = append(outcome, bytes, &box->fault, sizeof(box->fault));
	}
	for (unsigned int i = 0; i < AGENT_REGISTERS; i++) {
		if ((agent->wanted.registers & 1U << i) != 0U && box->r[i] != 0U) {
			outcome->registers |= 1U << i;
			bytes = append(outcome, bytes, &box->r[i], sizeof(box->r[i]));
		}
	}
	return append(outcome, bytes, &box->data[agent->wanted.data_offset], data_bytes(agent));
}

static void finish(struct agent *agent, struct reply *reply)
{
	static struct outcome outcome;
	size_t bytes = 0;

	if (agent_wait(agent)) {
		bytes = collect(agent, &outcome);
		agent->state = AGENT_IDLE;
	} else {
		memset(&outcome, 0, AGENT_OUTCOME_BYTES);
		outcome.ended = AGENT_STUCK;
	}
	reply_text(reply, " ");
	reply_base64(reply, &outcome, AGENT_OUTCOME_BYTES + bytes);
}

/*
 * start <agent> <microseconds> <data offset> <data bytes> <length register> <register mask> <program> <data, or ->
 * The data wanted back is shortened to what is in the length register, if there is a register of that number.
 */
void request_start(const struct words *words, struct reply *reply)
{
	(void)start_agent(words, reply);
}

/* wait <agent>: the outcome of what was started, at the latest a little after its deadline. */
void request_wait(const struct words *words, struct reply *reply)
{
	struct agent *agent = agent_named(words, reply);

	if (agent == NULL) {
		return;
	}
	if (__atomic_load_n(&agent->state, __ATOMIC_ACQUIRE) == AGENT_IDLE) {
		reply_error(reply, "idle: nothing was started");
		return;
	}
	finish(agent, reply);
}

/* run: start and wait. */
void request_run(const struct words *words, struct reply *reply)
{
	struct agent *agent = start_agent(words, reply);

	if (agent != NULL) {
		finish(agent, reply);
	}
}
