/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that only change registers: constants, moves, arithmetic. Where C leaves a result undefined, agent_abi.h
 * defines it: division by zero, and shifts by 64 or more.
 */
#include "machine.h"

#define WORD_BITS 64U

static enum step_result binary(uint8_t op, uint64_t left, uint64_t right, uint64_t *result)
{
	switch (op) {
	case AGENT_OP_ADD:
		*result = left + right;
		return STEP_NEXT;
	case AGENT_OP_SUB:
		*result = left - right;
		return STEP_NEXT;
	case AGENT_OP_MUL:
		*result = left * right;
		return STEP_NEXT;
	case AGENT_OP_DIV:
		*result = right == 0U ? 0U : left / right;
		return STEP_NEXT;
	case AGENT_OP_REM:
		*result = right == 0U ? left : left % right;
		return STEP_NEXT;
	case AGENT_OP_AND:
		*result = left & right;
		return STEP_NEXT;
	case AGENT_OP_OR:
		*result = left | right;
		return STEP_NEXT;
	case AGENT_OP_XOR:
		*result = left ^ right;
		return STEP_NEXT;
	case AGENT_OP_SHL:
		*result = right < WORD_BITS ? left << right : 0U;
		return STEP_NEXT;
	case AGENT_OP_SHR:
		*result = right < WORD_BITS ? left >> right : 0U;
		return STEP_NEXT;
	default:
		return STEP_BAD;
	}
}

enum step_result step_arithmetic(struct mailbox *box, const struct instruction *instruction)
{
	uint64_t *target = &box->r[instruction->a];

	switch (instruction->op) {
	case AGENT_OP_HALT:
		box->code = (uint32_t)instruction->imm;
		return STEP_HALT;
	case AGENT_OP_SET:
		*target = instruction->imm;
		return STEP_NEXT;
	case AGENT_OP_MOVE:
		*target = box->r[instruction->b];
		return STEP_NEXT;
	case AGENT_OP_DATA:
		*target = (uint64_t)(uintptr_t)box->data + instruction->imm;
		return STEP_NEXT;
	default:
		return binary(instruction->op, box->r[instruction->b], operand(box, instruction), target);
	}
}
