/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the program in a mailbox (agent_abi.h says what a program is). The same code runs at EL2 and at EL1.
 */
#ifndef INTERPRETER_H
#define INTERPRETER_H

#include "guard.h"
#include "mailbox.h"

/* What differs from level to level. A NULL hook means that the level does not offer the instruction. */
struct interpreter_host {
	struct cpu_local *cpu;
	unsigned int level; /* 1 or 2 */
	/* MAP and UNMAP; false: malformed, or no tables left. */
	bool (*map)(const struct interpreter_host *host, struct va va, struct ipa ipa, uint64_t bytes,
		    uint32_t attributes);
	bool (*unmap)(const struct interpreter_host *host, struct va va, uint64_t bytes);
};

/*
 * Returns when the program ends, faults without a handler, or passes its deadline; the outcome is in the mailbox. It
 * cannot interrupt an instruction that does not end: whoever gave the CPU away has to take it back.
 */
void interpreter_run(const struct interpreter_host *host, struct mailbox *box);

#endif
