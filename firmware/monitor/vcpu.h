/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtual CPU: everything of a guest that is in registers. It has a physical CPU only while a program of its agent
 * runs.
 */
#ifndef VCPU_H
#define VCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "agent_abi.h"

struct vm;
struct cpu;

/*
 * EL1 and EL0 registers that belong to a guest. EL2 uses none of them, so they stay in the CPU from vcpu_load() until
 * the guest's program has ended.
 */
/* clang-format off */
#define VCPU_SYSREGS(X) \
	X(sctlr_el1) X(cpacr_el1) X(ttbr0_el1) X(ttbr1_el1) X(tcr_el1) X(mair_el1) X(amair_el1) X(vbar_el1) \
	X(esr_el1) X(far_el1) X(elr_el1) X(spsr_el1) X(afsr0_el1) X(afsr1_el1) X(contextidr_el1) X(par_el1) \
	X(sp_el0) X(sp_el1) X(tpidr_el0) X(tpidrro_el0) X(tpidr_el1) X(cntkctl_el1) X(cntv_ctl_el0) \
	X(cntv_cval_el0) X(csselr_el1) X(mdscr_el1)
/* clang-format on */

#define VCPU_FIELD(name) uint64_t name;

struct vcpu {
	uint64_t x[31];
	uint64_t pc;
	uint64_t pstate;
	struct {
		VCPU_SYSREGS(VCPU_FIELD)
	} sysregs;
	_Alignas(16) uint8_t fp[AGENT_FP_BYTES];
	struct vm *vm;
	unsigned int index;
	struct agent agent;
};

_Static_assert(offsetof(struct vcpu, pc) == 248, "VCPU_PC of vectors.S");
_Static_assert(offsetof(struct vcpu, pstate) == 256, "VCPU_PSTATE of vectors.S");

/* Why the guest left the CPU; vectors.S has the same numbers. */
enum vcpu_exit { EXIT_SYNCHRONOUS, EXIT_INTERRUPT, EXIT_SERROR };

/* ESR_ELx.EC, Arm ARM D19.2.37. */
#define ESR_EC_SHIFT 26U
#define EC_HVC 0x16U
#define EC_SMC 0x17U
#define EC_SYSTEM_REGISTER 0x18U
#define EC_INSTRUCTION_ABORT_LOWER 0x20U
#define EC_DATA_ABORT_LOWER 0x24U

/* Arm ARM, HPFAR_EL2: FIPA has the faulting IPA's bits from 12 up, from bit 4 on; so the IPA is FIPA shifted by 8. */
#define HPFAR_FIPA_MASK 0x00000FFFFFFFFFF0ULL
#define HPFAR_FIPA_SHIFT 8U

/* PSCI (Arm DEN0022): what a guest may ask by HVC. NOT_SUPPORTED is also SMCCC's answer to an unknown function. */
#define PSCI_VERSION 0x84000000U
#define PSCI_VERSION_1_1 0x10001U
#define NOT_SUPPORTED UINT64_MAX

/*
 * vectors.S: runs the guest on this CPU until its next exception to EL2 and returns enum vcpu_exit. The guest's general
 * registers, PC and PSTATE are then in `vcpu`, its EL1 and FP registers still in the CPU.
 */
int vcpu_enter(struct vcpu *vcpu);

/* Puts the guest's EL1 and FP registers into the CPU, for vcpu_enter(). */
void vcpu_load(const struct vcpu *vcpu);

/* Makes the guest take an exception at EL1, at the current offset of its vector table, with this syndrome. */
void vcpu_take_exception(struct vcpu *vcpu, uint64_t vector, uint64_t esr);

/* Offsets in EL1's vector table for exceptions from EL1 with SP_EL1: Arm ARM, "Exception vectors". */
#define VECTOR_SYNCHRONOUS 0x200U
#define VECTOR_SERROR 0x380U
#define VECTOR_FROM_EL0 0x200U /* so much further, when the exception comes from EL0 */
#define PSTATE_MODE_MASK 0xFU

/* Sets the registers of a vCPU that starts its agent. */
void vcpu_reset(struct vcpu *vcpu);

/* Runs the agent until it has finished its program, or until its `stop` is seen; then it starts anew the next time. */
void vcpu_run(struct vcpu *vcpu, struct cpu *cpu);

#endif
