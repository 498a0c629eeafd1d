/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vCPU that belongs to an agent: its registers, the loop that runs it, the exits that EL2 handles, and how it is
 * stopped.
 */
#include "vcpu.h"

#include "cache.h"
#include "cpu.h"
#include "memory.h"
#include "sysreg.h"
#include "vm.h"

/* PSTATE at reset and after an exception to EL1 (Arm ARM, SPSR_EL2): EL1h; D, A, I and F masked. */
#define PSTATE_EL1H_MASKED 0x3C5U

#define SCTLR_EL1_RES1 0x30D00800U /* Arm ARM, SCTLR_EL1: the RES1 bits, with MMU and caches off */
#define CPACR_FP_FREE (3U << 20)   /* Arm ARM, CPACR_EL1: FPEN, no trap of floating point */

void fp_load(const void *state);
void fp_store(void *state);

#define SAVE(name) vcpu->sysregs.name = READ_SYSREG(name);
#define RESTORE(name) WRITE_SYSREG(name, vcpu->sysregs.name);

static void save(struct vcpu *vcpu)
{
	VCPU_SYSREGS(SAVE)
	fp_store(vcpu->fp);
}

void vcpu_load(const struct vcpu *vcpu)
{
	VCPU_SYSREGS(RESTORE)
	fp_load(vcpu->fp);
}

/*
 * Does what the CPU would do to take an exception to EL1 (Arm ARM, "Exception entry"). The guest's EL1 registers are
 * the CPU's own at this moment; its PC and PSTATE are in `vcpu`.
 */
void vcpu_take_exception(struct vcpu *vcpu, uint64_t vector, uint64_t esr)
{
	bool from_el0 = (vcpu->pstate & PSTATE_MODE_MASK) == 0U;

	WRITE_SYSREG(esr_el1, esr);
	WRITE_SYSREG(elr_el1, vcpu->pc);
	WRITE_SYSREG(spsr_el1, vcpu->pstate);
	WRITE_SYSREG(far_el1, READ_SYSREG(far_el2));
	vcpu->pc = READ_SYSREG(vbar_el1) + vector + (from_el0 ? VECTOR_FROM_EL0 : 0U);
	vcpu->pstate = PSTATE_EL1H_MASKED;
}

/*
 * Turns an exception that EL2 has taken into one that the agent takes. The mailbox says that it went through EL2, and
 * for an abort which IPA it was about, since EL1 cannot see HPFAR_EL2.
 */
static void pass_on(struct vcpu *vcpu, uint64_t vector)
{
	uint64_t esr = READ_SYSREG(esr_el2);
	uint64_t class = esr >> ESR_EC_SHIFT;
	bool abort = class == EC_INSTRUCTION_ABORT_LOWER || class == EC_DATA_ABORT_LOWER;

	vcpu->agent.box->taken_at_el2 = 1;
	vcpu->agent.box->taken_ipa = abort ? (READ_SYSREG(hpfar_el2) & HPFAR_FIPA_MASK) << HPFAR_FIPA_SHIFT : 0U;
	vcpu_take_exception(vcpu, vector, esr);
}

/*
 * Returns true when the agent has finished its program. That HVC is part of how agents work, so it is not counted as a
 * trap. A trapped SMC returns to the SMC itself, an HVC behind it, so only the former is stepped over.
 */
static bool synchronous(struct vcpu *vcpu)
{
	uint64_t class = READ_SYSREG(esr_el2) >> ESR_EC_SHIFT;

	if (class == EC_HVC && vcpu->x[0] == GUEST_HVC_DONE) {
		return true;
	}
	vm_count_trap(vcpu->vm, class);
	switch (class) {
	case EC_HVC:
		vcpu->x[0] = vcpu->x[0] == PSCI_VERSION ? PSCI_VERSION_1_1 : NOT_SUPPORTED;
		return false;
	case EC_SMC:
		vcpu->x[0] = NOT_SUPPORTED;
		vcpu->pc += sizeof(uint32_t);
		return false;
	default:
		pass_on(vcpu, VECTOR_SYNCHRONOUS);
		return false;
	}
}

/* Says where the program was when it was stopped. Class 0: no exception has happened. */
static void record_stop(struct vcpu *vcpu)
{
	struct mailbox *box = vcpu->agent.box;

	box->ended = AGENT_STOPPED;
	box->fault.class = 0;
	box->fault.esr = READ_SYSREG(esr_el1);
	box->fault.elr = vcpu->pc;
	box->fault.far = READ_SYSREG(far_el1);
	box->fault.el = 1;
}

/* The registers are those that guest/entry.S expects. */
void vcpu_reset(struct vcpu *vcpu)
{
	uint64_t block = GUEST_RAM_IPA + GUEST_IMAGE_BYTES + vcpu->index * GUEST_BLOCK_BYTES;

	memset(vcpu->x, 0, sizeof(vcpu->x));
	memset(&vcpu->sysregs, 0, sizeof(vcpu->sysregs));
	memset(vcpu->fp, 0, sizeof(vcpu->fp));
	vcpu->sysregs.sctlr_el1 = SCTLR_EL1_RES1;
	vcpu->sysregs.cpacr_el1 = CPACR_FP_FREE;
	vcpu->pc = GUEST_RAM_IPA;
	vcpu->pstate = PSTATE_EL1H_MASKED;
	vcpu->x[0] = block;
	vcpu->x[1] = vcpu->index;
	vcpu->x[2] = vcpu->vm->ram_bytes;
}

/* Returns false when the agent was told to stop. CPU 0 sets `stop` and then kicks this CPU, so it is always seen. */
static bool run_until_done(struct vcpu *vcpu)
{
	while (!__atomic_load_n(&vcpu->agent.stop, __ATOMIC_ACQUIRE)) {
		switch (vcpu_enter(vcpu)) {
		case EXIT_SYNCHRONOUS:
			if (synchronous(vcpu)) {
				return true;
			}
			break;
		case EXIT_SERROR:
			vcpu->vm->traps++;
			pass_on(vcpu, VECTOR_SERROR);
			break;
		default:
			vcpu->vm->interrupts++;
			cpu_take_interrupt();
			break;
		}
	}
	return false;
}

void vcpu_run(struct vcpu *vcpu, struct cpu *cpu)
{
	cpu->local.guard = NULL; /* no program chooses an address for EL2 in here, so a fault is the monitor's */
	cpu->local.vcpu = vcpu;
	vcpu_load(vcpu);
	vm_enter(vcpu->vm);
	if (run_until_done(vcpu)) {
		save(vcpu);
	} else {
		record_stop(vcpu);
		/* The program may have overwritten the agent itself, and the agent starts again with its caches off. */
		vm_load_image(vcpu->vm);
		cache_flush(vcpu->agent.box, GUEST_BLOCK_BYTES);
		vcpu_reset(vcpu);
	}
	vm_leave();
	cpu->local.vcpu = NULL;
}
