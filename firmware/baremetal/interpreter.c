/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the program in a mailbox. All of a program's state is in the mailbox and nothing of it in local variables, so
 * that an exception in the middle of an instruction, which comes back through the guard, finds it as the instruction
 * has left it.
 */
#include "interpreter.h"

#include "machine.h"
#include "memory.h"
#include "sysreg.h"

/* Steps between two looks at the clock, whose ISB is slow; a power of two. */
#define STEPS_PER_CLOCK 64U

/*
 * A fault that went through EL2 (a stage-2 abort) is reported as EL2's, with the IPA that EL2 has put in the mailbox.
 */
static void record_fault(const struct interpreter_host *host, struct mailbox *box, const struct guard *guard)
{
	box->fault.class = guard->class;
	box->fault.esr = guard->esr;
	box->fault.elr = guard->elr;
	box->fault.far = guard->far;
	box->fault.el = box->taken_at_el2 != 0U ? 2U : host->level;
	box->fault.ipa = box->taken_at_el2 != 0U ? box->taken_ipa : 0U;
	box->fault.count++;
	box->taken_at_el2 = 0;
}

static void start(struct mailbox *box)
{
	box->ended = 0;
	box->code = 0;
	box->pc = 0;
	box->on_fault = AGENT_NO_TARGET;
	box->steps = 0;
	box->taken_at_el2 = 0;
	memset(&box->fault, 0, sizeof(box->fault));
	memset(box->r, 0, sizeof(box->r));
}

/* The checks of register numbers are here, once for all instructions. Opcodes are ordered by group (agent_abi.h). */
static enum step_result step(const struct interpreter_host *host, struct mailbox *box)
{
	const struct instruction *instruction = &box->program[box->pc];

	if (box->pc >= box->instructions || instruction->a >= AGENT_REGISTERS || instruction->b >= AGENT_REGISTERS ||
	    (instruction->c >= AGENT_REGISTERS && instruction->c != AGENT_IMMEDIATE)) {
		return STEP_BAD;
	}
	if (instruction->op < AGENT_OP_LOAD) {
		return step_arithmetic(box, instruction);
	}
	if (instruction->op < AGENT_OP_JUMP) {
		return step_memory(box, instruction);
	}
	if (instruction->op < AGENT_OP_SMC) {
		return step_branch(box, instruction);
	}
	return step_system(host, box, instruction);
}

static uint32_t run(const struct interpreter_host *host, struct mailbox *box)
{
	for (;;) {
		if ((box->steps % STEPS_PER_CLOCK) == 0U && counter_now() >= box->deadline) {
			return AGENT_DEADLINE;
		}
		box->steps++;
		switch (step(host, box)) {
		case STEP_NEXT:
			box->pc++;
			break;
		case STEP_JUMPED:
			break;
		case STEP_HALT:
			return AGENT_HALTED;
		case STEP_LATE:
			return AGENT_DEADLINE;
		case STEP_BAD:
			return AGENT_BAD;
		}
	}
}

void interpreter_run(const struct interpreter_host *host, struct mailbox *box)
{
	struct guard guard;

	start(box);
	host->cpu->guard = &guard;
	if (guard_enter(&guard) != 0) {
		record_fault(host, box, &guard);
		if (box->on_fault == AGENT_NO_TARGET) {
			box->ended = AGENT_FAULTED;
			host->cpu->guard = NULL;
			return;
		}
		box->pc = box->on_fault; /* the guard stays armed: the handler may fault, too */
	}
	box->ended = run(host, box);
	host->cpu->guard = NULL;
}
