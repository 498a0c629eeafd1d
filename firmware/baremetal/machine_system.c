/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that leave the interpreter: calls, machine code, translation tables, FP state, other agents, faults.
 */
#include "cache.h"
#include "machine.h"
#include "memory.h"
#include "sysreg.h"

#define A64_RET 0xD65F03C0U /* Arm ARM, RET: to x30 */

void conduit_smc(uint64_t registers[31]);
void conduit_hvc(uint64_t registers[31]);
void fp_load(const void *state);
void fp_store(void *state);

/*
 * Runs one instruction word, in a slot with a RET behind it. A hash chooses the slot, and a word stays there until
 * another one needs the place: new code costs cache maintenance on every CPU, and an emulator its translation of it.
 */
static uint64_t execute(struct mailbox *box, uint32_t word, uint64_t x0, uint64_t x1)
{
	struct code_slot *slot = &box->slots[(word ^ (word >> 9U)) % CODE_SLOTS];

	if (slot->instruction != word || slot->ret != A64_RET) {
		slot->instruction = word;
		slot->ret = A64_RET;
		code_written(slot, sizeof(*slot));
	}
	return ((uint64_t(*)(uint64_t, uint64_t))(uintptr_t)slot)(x0, x1);
}

/* The program has written the code as data, some time ago: all of the instruction cache must go. */
static uint64_t call(uint64_t address, const uint64_t *r)
{
	uint64_t (*function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) =
		(uint64_t(*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))(
			uintptr_t)address;

	__asm__ volatile("dsb ish\n\tic iallu\n\tdsb ish\n\tisb" ::: "memory");
	return function(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]);
}

/*
 * Bounded twice, by the instruction's own limit and by the program's deadline, because the agent that is waited for may
 * have ended early.
 */
static enum step_result await(struct mailbox *box, const struct instruction *instruction)
{
	const volatile uint32_t *word = (const volatile uint32_t *)(uintptr_t)box->r[instruction->a];
	uint64_t end = counter_now() + instruction->imm;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < (uint32_t)box->r[instruction->b]) {
		uint64_t now = counter_now();

		if (now >= box->deadline) {
			return STEP_LATE;
		}
		if (now >= end) {
			box->r[instruction->a] = 0;
			return STEP_NEXT;
		}
	}
	box->r[instruction->a] = 1;
	return STEP_NEXT;
}

static enum step_result fault_field(struct mailbox *box, const struct instruction *instruction)
{
	if (instruction->small >= AGENT_FAULT_BYTES || (instruction->small % sizeof(uint64_t)) != 0U) {
		return STEP_BAD;
	}
	memcpy(&box->r[instruction->a], (const uint8_t *)&box->fault + instruction->small, sizeof(uint64_t));
	return STEP_NEXT;
}

static enum step_result tables(const struct interpreter_host *host, struct mailbox *box,
			       const struct instruction *instruction)
{
	struct va va = va_make(box->r[instruction->a]);
	struct ipa ipa = ipa_make(box->r[instruction->b]);
	uint64_t bytes = operand(box, instruction);
	bool done = false;

	if (instruction->op == AGENT_OP_MAP && host->map != NULL) {
		done = host->map(host, va, ipa, bytes, instruction->small);
	}
	if (instruction->op == AGENT_OP_UNMAP && host->unmap != NULL) {
		done = host->unmap(host, va, bytes);
	}
	return done ? STEP_NEXT : STEP_BAD;
}

enum step_result step_system(const struct interpreter_host *host, struct mailbox *box,
			     const struct instruction *instruction)
{
	uint64_t *a = &box->r[instruction->a];
	uint64_t b = box->r[instruction->b];

	switch (instruction->op) {
	case AGENT_OP_SMC:
		conduit_smc(box->r);
		return STEP_NEXT;
	case AGENT_OP_HVC:
		conduit_hvc(box->r);
		return STEP_NEXT;
	case AGENT_OP_EXECUTE:
		*a = execute(box, instruction->small, *a, b);
		return STEP_NEXT;
	case AGENT_OP_CALL:
		box->r[0] = call(*a, box->r);
		return STEP_NEXT;
	case AGENT_OP_MAP:
	case AGENT_OP_UNMAP:
		return tables(host, box, instruction);
	case AGENT_OP_FP_LOAD:
		fp_load((const void *)(uintptr_t)*a);
		return STEP_NEXT;
	case AGENT_OP_FP_STORE:
		fp_store((void *)(uintptr_t)*a);
		return STEP_NEXT;
	case AGENT_OP_AWAIT:
		return await(box, instruction);
	case AGENT_OP_FETCH_ADD:
		*a = __atomic_fetch_add((uint32_t *)(uintptr_t)b, (uint32_t)operand(box, instruction),
					__ATOMIC_ACQ_REL);
		return STEP_NEXT;
	case AGENT_OP_ON_FAULT:
		box->on_fault = instruction->small;
		return STEP_NEXT;
	case AGENT_OP_FAULT:
		return fault_field(box, instruction);
	default:
		return STEP_BAD;
	}
}
