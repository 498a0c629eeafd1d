/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jumps, conditional branches and loops. A target outside of the program is found when it is executed.
 */
#include "machine.h"

static enum step_result go_if(struct mailbox *box, const struct instruction *instruction, bool taken)
{
	if (!taken) {
		return STEP_NEXT;
	}
	box->pc = instruction->small;
	return STEP_JUMPED;
}

enum step_result step_branch(struct mailbox *box, const struct instruction *instruction)
{
	uint64_t left = box->r[instruction->a];
	uint64_t right = operand(box, instruction);

	switch (instruction->op) {
	case AGENT_OP_JUMP:
		return go_if(box, instruction, true);
	case AGENT_OP_LOOP:
		box->r[instruction->a] = left - 1U;
		return go_if(box, instruction, left != 1U);
	default:
		break;
	}
	switch (instruction->b) {
	case AGENT_IF_EQ:
		return go_if(box, instruction, left == right);
	case AGENT_IF_NE:
		return go_if(box, instruction, left != right);
	case AGENT_IF_LO:
		return go_if(box, instruction, left < right);
	case AGENT_IF_HS:
		return go_if(box, instruction, left >= right);
	case AGENT_IF_LT:
		return go_if(box, instruction, (int64_t)left < (int64_t)right);
	case AGENT_IF_GE:
		return go_if(box, instruction, (int64_t)left >= (int64_t)right);
	default:
		return STEP_BAD;
	}
}
