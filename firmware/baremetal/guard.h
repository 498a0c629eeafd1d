/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guards: an exception at the current level returns to where a guard was armed, with a record of what happened. They
 * work like setjmp and longjmp, where the exception vectors jump. That is how a program can touch any address.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>
#include <stdint.h>

struct guard {
	uint64_t saved[13]; /* x19-x30, sp */
	uint64_t class;     /* AGENT_FAULT_SYNCHRONOUS or AGENT_FAULT_SERROR */
	uint64_t esr;
	uint64_t elr;
	uint64_t far;
};

/* What TPIDR_ELx of the executing level points to; the vectors use these offsets. */
struct cpu_local {
	struct guard *guard; /* NULL: an exception is fatal to this CPU */
	void *vcpu;          /* EL2: the vCPU being run */
};

_Static_assert(offsetof(struct guard, class) == 104, "GUARD_CLASS of vectors.inc");
_Static_assert(offsetof(struct guard, elr) == 120, "GUARD_ELR of vectors.inc");
_Static_assert(offsetof(struct cpu_local, vcpu) == 8, "CPU_LOCAL_VCPU of the monitor's vectors");

/*
 * Returns 0 at once, and returns again, with 1, for every exception that this CPU takes from its current level while
 * its cpu_local points to `guard`. Its caller must not have returned by then. Local variables that it changes in
 * between must be volatile, as with setjmp.
 */
int guard_enter(struct guard *guard) __attribute__((returns_twice));

#endif
