/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the interpreter: one function per group of instructions. All state is in the mailbox, so that a fault in the
 * middle of an instruction leaves it consistent. agent_abi.h defines what each instruction does.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "interpreter.h"

enum step_result {
	STEP_NEXT,
	STEP_JUMPED, /* pc is already what it should be */
	STEP_HALT,
	STEP_LATE, /* the deadline passed inside the instruction */
	STEP_BAD,
};

enum step_result step_arithmetic(struct mailbox *box, const struct instruction *instruction);
enum step_result step_memory(struct mailbox *box, const struct instruction *instruction);
enum step_result step_branch(struct mailbox *box, const struct instruction *instruction);
enum step_result step_system(const struct interpreter_host *host, struct mailbox *box,
			     const struct instruction *instruction);

/* The operand that agent_abi.h calls "rc or imm". */
static inline uint64_t operand(const struct mailbox *box, const struct instruction *instruction)
{
	return instruction->c == AGENT_IMMEDIATE ? instruction->imm : box->r[instruction->c];
}

#endif
