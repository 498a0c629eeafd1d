/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads, stores and block operations. Every access is volatile and has exactly the width that was asked for, so that
 * programs can use devices, and watch memory that another observer changes.
 */
#include "machine.h"

#define WIDTHS 4U /* 1, 2, 4 and 8 bytes */

static uint64_t load(uint64_t address, uint32_t width)
{
	uintptr_t at = (uintptr_t)address;

	switch (width) {
	case 0:
		return *(const volatile uint8_t *)at;
	case 1:
		return *(const volatile uint16_t *)at;
	case 2:
		return *(const volatile uint32_t *)at;
	default:
		return *(const volatile uint64_t *)at;
	}
}

static void store(uint64_t address, uint32_t width, uint64_t value)
{
	uintptr_t at = (uintptr_t)address;

	switch (width) {
	case 0:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 1:
		*(volatile uint16_t *)at = (uint16_t)value;
		break;
	case 2:
		*(volatile uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)at = value;
		break;
	}
}

/* The rest that is no whole unit goes byte by byte. */
static void copy(uint64_t to, uint64_t from, uint64_t bytes, uint32_t width)
{
	uint64_t unit = 1ULL << width;
	uint64_t done = 0;

	for (; bytes - done >= unit; done += unit) {
		store(to + done, width, load(from + done, width));
	}
	for (; done < bytes; done++) {
		store(to + done, 0, load(from + done, 0));
	}
}

static void fill(uint64_t at, uint64_t value, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes; done++) {
		store(at + done, 0, value);
	}
}

static uint64_t find(uint64_t at, uint64_t word, uint64_t bytes)
{
	for (uint64_t offset = 0; offset + sizeof(word) <= bytes; offset += sizeof(word)) {
		if (load(at + offset, 3) == word) {
			return offset;
		}
	}
	return UINT64_MAX;
}

static uint64_t differ(uint64_t one, uint64_t other, uint64_t bytes)
{
	for (uint64_t offset = 0; offset < bytes; offset++) {
		if (load(one + offset, 0) != load(other + offset, 0)) {
			return offset;
		}
	}
	return UINT64_MAX;
}

static enum step_result block(struct mailbox *box, const struct instruction *instruction)
{
	uint64_t *a = &box->r[instruction->a];
	uint64_t b = box->r[instruction->b];
	uint64_t bytes = operand(box, instruction);

	if (bytes > AGENT_MAX_BYTES || instruction->small >= WIDTHS) {
		return STEP_BAD;
	}
	switch (instruction->op) {
	case AGENT_OP_COPY:
		copy(*a, b, bytes, instruction->small);
		return STEP_NEXT;
	case AGENT_OP_FILL:
		fill(*a, b, bytes);
		return STEP_NEXT;
	case AGENT_OP_FIND:
		*a = find(b, *a, bytes);
		return STEP_NEXT;
	case AGENT_OP_DIFFER:
		*a = differ(*a, b, bytes);
		return STEP_NEXT;
	default:
		return STEP_BAD;
	}
}

enum step_result step_memory(struct mailbox *box, const struct instruction *instruction)
{
	uint64_t address = box->r[instruction->b] + instruction->imm;

	if (instruction->small >= WIDTHS) {
		return STEP_BAD;
	}
	switch (instruction->op) {
	case AGENT_OP_LOAD:
		box->r[instruction->a] = load(address, instruction->small);
		return STEP_NEXT;
	case AGENT_OP_STORE:
		store(address, instruction->small, box->r[instruction->a]);
		return STEP_NEXT;
	default:
		return block(box, instruction);
	}
}
