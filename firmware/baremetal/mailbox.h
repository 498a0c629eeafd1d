/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mailbox of an agent: program and data in, outcome out. Whoever starts the agent writes to it while the agent is
 * idle, the agent writes to it while it runs. A guest's mailbox lies in the guest's own RAM, so nothing in it can be
 * trusted.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "agent_abi.h"

struct instruction {
	uint8_t op;
	uint8_t a;
	uint8_t b;
	uint8_t c;
	uint32_t small;
	uint64_t imm;
};

struct fault_record {
	uint64_t class;
	uint64_t esr;
	uint64_t elr;
	uint64_t far;
	uint64_t ipa;
	uint64_t el;
	uint64_t count;
};

/* One instruction written by EXECUTE, and the RET behind it. */
struct code_slot {
	uint32_t instruction;
	uint32_t ret;
};

#define CODE_SLOTS (PAGE_BYTES / sizeof(struct code_slot))

struct mailbox {
	/* Outcome. */
	uint32_t ended;
	uint32_t code;
	uint32_t pc;
	uint32_t on_fault;
	uint64_t steps;
	struct fault_record fault;
	uint64_t r[AGENT_REGISTERS];

	/* Request. */
	uint64_t deadline; /* a value of CNTPCT_EL0 */
	uint32_t instructions;

	/* Set by EL2 when it gives the guest an exception that EL2 has taken. */
	uint32_t taken_at_el2;
	uint64_t taken_ipa;

	_Alignas(PAGE_BYTES) struct code_slot slots[CODE_SLOTS];
	_Alignas(PAGE_BYTES) struct instruction program[AGENT_MAX_INSTRUCTIONS];
	_Alignas(PAGE_BYTES) uint8_t data[AGENT_DATA_BYTES];
};

_Static_assert(sizeof(struct instruction) == AGENT_INSTRUCTION_BYTES, "as Python assembles it");
_Static_assert(sizeof(struct fault_record) == AGENT_FAULT_BYTES, "as Python reads it");
_Static_assert(offsetof(struct fault_record, el) == AGENT_FAULT_EL, "as Python reads it");
_Static_assert(offsetof(struct fault_record, count) == AGENT_FAULT_COUNT, "as Python reads it");
_Static_assert(offsetof(struct mailbox, slots) == AGENT_MAILBOX_SLOTS, "a page of its own");
_Static_assert(offsetof(struct mailbox, program) == AGENT_MAILBOX_PROGRAM, "layout of a block");
_Static_assert(offsetof(struct mailbox, data) == AGENT_MAILBOX_DATA, "layout of a block");
_Static_assert(sizeof(struct mailbox) == AGENT_MAILBOX_BYTES, "layout of a block");
_Static_assert(AGENT_MAILBOX_BYTES < GUEST_BLOCK_STACK_TOP, "the stack lies between mailbox and tables");
_Static_assert(GUEST_BLOCK_TABLES + GUEST_BLOCK_TABLE_PAGES * PAGE_BYTES == GUEST_BLOCK_BYTES, "tables end the block");
_Static_assert(GUEST_IMAGE_BYTES + GUEST_MAX_VCPUS * GUEST_BLOCK_BYTES <= GUEST_RAM_UNIT, "the least RAM is enough");

#endif
