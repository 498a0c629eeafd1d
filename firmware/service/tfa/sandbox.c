/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running the engine: as a prisoner at S-EL0, until it leaves or does something that it may not.
 *
 * A run is a loop: the engine is let go on (ERET), an exception brings it back, and what it asked for is done or its
 * run ends. It has one way to ask: SVC, which the shim passes on as SMC. The service reads the request from the
 * registers that the exception has left; the core checks it (core/engine_calls.c).
 *
 * An interrupt of the normal world ends it for a while: the engine's registers are kept, the call is parked, and goes
 * on behind the interrupt (calls.c). Interrupts are never acknowledged here, nor looked at: they stay pending, and whom
 * they concern takes them. That works alike for GICv2 and GICv3, where they come as IRQ and as FIQ.
 *
 * An error of the machine (SError) is nobody's fault here: it goes to the platform's handler of such errors, if it has
 * one, or ends in a panic. The fences in sandbox_switch.S keep errors of the caller and of the engine
 * apart.
 */
#include <arch_helpers.h>
#include <bl31/ea_handle.h>
#include <common/debug.h>
#include <context.h>
#include <lib/el3_runtime/context_mgmt.h>
#include <lib/el3_runtime/pubsub_events.h>
#include <plat/common/platform.h>
#include <smccc_helpers.h>

#include "calls.h"
#include "glue.h"
#include "sandbox_frame.h"
#include "vectors.h"
#include "vtpm_platform.h"
#include "vtpm_port.h"
#include "vtpm_service.h"

/* Arm DDI 0487, ESR_EL1 and ESR_EL3: the immediate of SVC and of SMC. */
#define ISS_IMMEDIATE UINT64_C(0xffff)

/* Arm DDI 0487, TCR_EL1: T1SZ must be possible though EPD1 is set. */
#define TCR_T1SZ(bits) ((uint64_t)(64 - (bits)) << 16)
/* T0SZ, IRGN0, ORGN0, SH0 and TG0, which TCR_EL3 has in the same places. */
#define TCR_SHARED UINT64_C(0xff3f)
#define TCR_PS_MASK UINT64_C(7)
#define SPACE_BITS 32

#define LINK_REGISTER 30

static struct engine_header engine;
static struct sandbox_regime regime;

/*
 * No command takes a minute of a processor; five are for emulators. Looked at when an interrupt comes, which is often.
 * Not constant, so that a test need not wait.
 */
uint64_t sandbox_budget_seconds = 300;

/* TF-A's vectors, and those for processors of which the predictors need switching the MMU off, where it has them. */
extern const uint8_t runtime_exceptions[];
extern const uint8_t wa_cve_2017_5715_mmu_vbar[] __attribute__((weak));

/*
 * Forgets every translation of the Secure EL1&0 regime on this CPU: another image that ran there before the service may
 * have left some, or a reset. Afterwards there is no need, since the tables never change.
 */
static void forget_translations(void)
{
	u_register_t scr = read_scr_el3();

	write_scr_el3(scr & ~(u_register_t)(SCR_NS_BIT | SCR_EEL2_BIT));
	isb();
	tlbialle1();
	dsbnsh();
	write_scr_el3(scr);
	isb();
}

static void *on_cpu_start(const void *argument)
{
	(void)argument;
	forget_translations();
	return NULL;
}

SUBSCRIBE_TO_EVENT(psci_cpu_on_finish, on_cpu_start);
SUBSCRIBE_TO_EVENT(psci_suspend_pwrdown_finish, on_cpu_start);

void sandbox_init(const struct engine_header *header)
{
	uint64_t tcr = read_tcr_el3();

	engine = *header;
	regime.mair = read_mair_el3(); /* the tables use its indexes as TF-A's library does */
	regime.tcr = (tcr & TCR_SHARED) | (tcr >> TCR_EL3_PS_SHIFT & TCR_PS_MASK) << TCR_EL1_IPS_SHIFT | TCR_EPD1_BIT |
		     TCR_TG1_4K | TCR_T1SZ(SPACE_BITS);
	forget_translations();
	calls_init();
}

/*
 * TF-A has put vectors of its own in front of EL3 on processors of which branch predictors carry over from lower
 * levels. The engine is such a level.
 */
static uint64_t choose_vectors(void)
{
	uint64_t theirs = read_vbar_el3();

	if (theirs == (uintptr_t)runtime_exceptions) {
		return (uintptr_t)sandbox_vectors;
	}
	if (theirs == (uintptr_t)wa_cve_2017_5715_mmu_vbar) {
		return (uintptr_t)sandbox_vectors_mmu;
	}
	return (uintptr_t)sandbox_vectors_bhb;
}

/* At its entry the engine finds its mailbox, its stack, the way out, and nothing else. */
static void start(struct sandbox_frame *frame)
{
	sandbox_clear(frame);
	frame->x[0] = engine.mailbox_va;
	frame->x[LINK_REGISTER] = engine.calls_va + ENGINE_CALL_LEAVE * ENGINE_CALL_STUB_BYTES;
	frame->sp = engine.stack_top;
	frame->pc = engine.entry;
	frame->pstate = SPSR_64(MODE_EL0, MODE_SP_EL0, DISABLE_ALL_EXCEPTIONS);
}

static bool is_from_shim(const struct sandbox_frame *frame)
{
	return EC_BITS(frame->esr) == EC_AARCH64_SMC && (frame->esr & ISS_IMMEDIATE) == SHIM_SYNCHRONOUS;
}

static void report_fault(uint64_t esr, uint64_t elr, uint64_t far)
{
	printf("vTPM: engine exception on CPU %u: ESR 0x%llx ELR 0x%llx FAR 0x%llx\n", plat_my_core_pos(),
	       (unsigned long long)esr, (unsigned long long)elr, (unsigned long long)far);
}

/* Lets the engine go on behind its SVC. Of PSTATE it keeps the flags; all else is as it was given. */
static void return_to_engine(struct sandbox_frame *frame, uint64_t result)
{
	frame->x[0] = result;
	frame->pc = read_elr_el1();
	frame->pstate = (read_spsr_el1() & SPSR_NZCV) | SPSR_64(MODE_EL0, MODE_SP_EL0, DISABLE_ALL_EXCEPTIONS);
}

static bool answer_call(unsigned int window, struct sandbox_frame *frame, uint64_t number, uint64_t *status)
{
	uint64_t result;

	/* The core would say the same; but this is the end of every command. */
	if (number == ENGINE_CALL_LEAVE) {
		*status = frame->x[0];
		return false;
	}
	if (!vtpm_engine_call(window, number, frame->x, &result)) {
		*status = result;
		return false;
	}
	return_to_engine(frame, result);
	return true;
}

/* What the engine did came to the shim, or to EL3 at once. Either way it was a call, or is the end of the run. */
static bool answer_exception(unsigned int window, struct sandbox_frame *frame, uint64_t *status)
{
	uint64_t esr;

	*status = ENGINE_FATAL;
	if (!is_from_shim(frame)) {
		report_fault(frame->esr, frame->pc, read_far_el3());
		return false;
	}
	esr = read_esr_el1();
	if (EC_BITS(esr) != EC_AARCH64_SVC) {
		report_fault(esr, read_elr_el1(), read_far_el1());
		return false;
	}
	return answer_call(window, frame, esr & ISS_IMMEDIATE, status);
}

/*
 * Where TF-A handles errors of the normal world first (FFH_SUPPORT), the platform has a handler for this one, too. It
 * panics by default. Elsewhere errors of the normal world go there, and one in Secure state is the end of the machine.
 */
static void hand_to_platform(uint64_t syndrome)
{
#if FFH_SUPPORT
	plat_ea_handler(ERROR_EA_ASYNC, syndrome, NULL, cm_get_context(NON_SECURE), SMC_FROM_SECURE);
#else
	ERROR("SError in Secure state: ESR 0x%llx\n", (unsigned long long)syndrome);
	panic();
#endif
}

/* Returns true if the engine goes on. The platform may know of an error that is no reason to stop. */
static bool answer(unsigned int window, struct sandbox_frame *frame, uint64_t *status)
{
	if (frame->serror != 0) {
		hand_to_platform(frame->serror);
	}
	if (frame->stopped == STOPPED_SERROR) {
		hand_to_platform(frame->esr);
		return true;
	}
	return answer_exception(window, frame, status);
}

/* Installs the engine's regime on this CPU. The rule for interrupts is the caller's, so it is looked at each time. */
static void enter(const struct call *call, struct sandbox_frame *frame, unsigned int window)
{
	uint64_t scr = ENGINE_SCR;

	if (calls_may_park(call)) {
		scr |= SCR_IRQ_BIT | SCR_FIQ_BIT;
	}
	frame->vectors = choose_vectors();
	vectors_put_away(window);
	sandbox_enter(frame, tables_root(window), &regime, scr);
}

static void leave(struct sandbox_frame *frame, unsigned int window)
{
	sandbox_leave(frame);
	vectors_give_back(window);
}

static bool interrupted(const struct sandbox_frame *frame)
{
	return frame->stopped == STOPPED_IRQ || frame->stopped == STOPPED_FIQ;
}

/*
 * The engine has been interrupted: gives the CPU back, and returns when the engine can go on, perhaps on another CPU.
 * False if it cannot: its instance is being destroyed, or it has had more time than any command needs.
 */
static bool park(struct call *call, struct sandbox_frame *frame, unsigned int window, bool for_caller, uint64_t ticks)
{
	sandbox_keep(frame);
	leave(frame, window);
	if (!calls_park(call) && for_caller) {
		return false;
	}
	if (ticks / read_cntfrq_el0() >= sandbox_budget_seconds) {
		printf("vTPM: engine stopped after %llu ticks of one command\n", (unsigned long long)ticks);
		return false;
	}
	vtpm_engine_goes_on(window);
	enter(call, frame, window);
	sandbox_take_up(frame);
	return true;
}

enum engine_status port_engine_enter(unsigned int window, bool for_caller, uint64_t *ticks)
{
	struct call *call = calls_current();
	struct sandbox_frame *frame = calls_frame(call);
	uint64_t status;

	*ticks = 0;
	if (for_caller && calls_abandoned(call)) {
		return ENGINE_FATAL; /* since it was parked between two pieces of EL3's own work */
	}
	enter(call, frame, window);
	start(frame);
	for (;;) {
		sandbox_run(frame);
		*ticks += frame->ended - frame->started;
		if (interrupted(frame)) {
			if (!park(call, frame, window, for_caller, *ticks)) {
				return ENGINE_FATAL;
			}
		} else if (!answer(window, frame, &status)) {
			break;
		}
	}
	leave(frame, window);
	return (enum engine_status)(uint32_t)status; /* the entry returns 32 bits */
}

void port_processor(uint64_t *midr, uint64_t *isar0)
{
	*midr = read_midr_el1();
	*isar0 = read_id_aa64isar0_el1();
}

void port_engine_log(const char *text)
{
	printf("vTPM: engine: %s\n", text);
}

void port_engine_gave_up(uint64_t fault)
{
	printf("vTPM: engine gave up on CPU %u at line %llu\n", plat_my_core_pos(), (unsigned long long)fault);
}

void port_engine_bad_call(uint64_t number, uint64_t argument)
{
	printf("vTPM: engine made call %llu with 0x%llx on CPU %u, which it may not\n", (unsigned long long)number,
	       (unsigned long long)argument, plat_my_core_pos());
}
