/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The service as TF-A sees it: a runtime service of the OEM range. After all services have been initialised it puts
 * itself in front of every other one, so that calls of guests pass the gate first.
 */
#include <string.h>

#include <arch_helpers.h>
#include <bl31/bl31.h>
#include <common/runtime_svc.h>
#include <context.h>
#include <lib/el3_runtime/context_mgmt.h>
#include <smccc_helpers.h>

#include "glue.h"
#include "vtpm_build.h" /* made by the build */
#include "vtpm_service.h"

/* Arm DDI 0487, VTTBR_EL2: VMID in bits 63:48, the table's address in 47:1, CnP in bit 0. */
#define VTTBR_CNP UINT64_C(1)
/* Arm DDI 0487, VTCR_EL2: VS; if it is 0, the upper eight bits of the VMID are ignored. */
#define VTCR_VS (UINT64_C(1) << 19)
#define VMID_8_BITS 0xff
/* Arm DDI 0487, HCR_EL2: VM turns stage 2 on; with DC set, VM counts as 1. */
#define HCR_VM UINT64_C(1)
#define HCR_DC (UINT64_C(1) << 12)

/* Arm DDI 0487, SPSR_EL3: M[4] is the execution state, M[3:2] the exception level, or M[3:0] the AArch32 mode. */
#define SPSR_AARCH32 (UINT64_C(1) << 4)
#define SPSR_MODE_MASK 0xf
#define SPSR_MODE32_HYP 0xa

/* TF-A's table from before the gate: which descriptor serves which owner and call type. */
static uint8_t ungated[MAX_RT_SVCS];
static bool running;

static unsigned int caller_level(uint64_t spsr)
{
	if ((spsr & SPSR_AARCH32) != 0) {
		return (spsr & SPSR_MODE_MASK) == SPSR_MODE32_HYP ? 2 : 1;
	}
	return (spsr & SPSR_MODE_MASK) >> SPSR_EL_SHIFT;
}

/*
 * An EL1 without stage 2 counts as a hypervisor, too: all memory is its own, so nobody above it could keep it from
 * anything by having EL3 refuse it. That is how Linux runs as a KVM host on processors without FEAT_VHE.
 */
static enum vtpm_origin caller_origin(const cpu_context_t *context, u_register_t flags)
{
	unsigned int level = caller_level(read_ctx_reg(get_el3state_ctx(context), CTX_SPSR_EL3));

	if (is_caller_secure(flags)) {
		return VTPM_FROM_OTHER;
	}
	if (level == 2) {
		return VTPM_FROM_HYPERVISOR;
	}
	return (read_hcr_el2() & (HCR_VM | HCR_DC)) != 0 ? VTPM_FROM_GUEST : VTPM_FROM_HYPERVISOR;
}

static struct vtpm_caller identify(enum vtpm_origin origin)
{
	uint64_t vttbr = read_vttbr_el2();
	uint64_t vmid = vttbr >> VTTBR_VMID_SHIFT;

	if ((read_vtcr_el2() & VTCR_VS) == 0) {
		vmid &= VMID_8_BITS;
	}
	return (struct vtpm_caller){
		.origin = origin,
		.vmid = (uint16_t)vmid,
		.stage2_base = pa_make(vttbr & VTTBR_BADDR_MASK & ~VTTBR_CNP),
	};
}

/* Arm DDI 0487, C1.1: an instruction of A64 has four bytes, as has SMC of A32 and T32. */
#define SMC_BYTES 4

/* The caller will execute its SMC once more, with the registers that it had. */
static void rewind_call(cpu_context_t *context)
{
	el3_state_t *state = get_el3state_ctx(context);

	write_ctx_reg(state, CTX_ELR_EL3, read_ctx_reg(state, CTX_ELR_EL3) - SMC_BYTES);
}

/*
 * Executes a call of ours and writes x0 to x7 into the caller's saved registers. x0 is taken from `fid`: TF-A has
 * removed the SVE hint (SMCCC section 2.5) from it, which Linux may set.
 */
static uintptr_t serve(uint32_t fid, enum vtpm_origin origin, cpu_context_t *context)
{
	gp_regs_t *registers = get_gpregs_ctx(context);
	struct vtpm_answer answer;
	struct vtpm_call call;

	_Static_assert(CTX_GPREG_X7 == 7 * sizeof(uint64_t), "x0-x7 are the first words of the saved context");
	call.x[0] = fid;
	for (unsigned int x = 1; x < ARRAY_SIZE(call.x); x++) {
		call.x[x] = registers->ctx_regs[x];
	}
	call.caller = identify(origin);
	if (!vtpm_dispatch(&call, &answer)) {
		rewind_call(context);
		return (uintptr_t)context;
	}
	for (unsigned int x = 0; x < ARRAY_SIZE(answer.x); x++) {
		registers->ctx_regs[x] = answer.x[x];
	}
	return (uintptr_t)context;
}

/* Hands a call to the service that TF-A would have chosen for it. */
static uintptr_t forward(uint32_t fid, u_register_t x1, u_register_t x2, u_register_t x3, u_register_t x4, void *cookie,
			 void *handle, u_register_t flags)
{
	const rt_svc_desc_t *services = (const rt_svc_desc_t *)RT_SVC_DESCS_START;
	uint8_t index = ungated[get_unique_oen_from_smc_fid(fid)];

	if (index >= MAX_RT_SVCS) {
		SMC_RET1(handle, SMC_UNK);
	}
	return services[index].handle(fid, x1, x2, x3, x4, cookie, handle, flags);
}

static bool is_ours(uint32_t fid)
{
	return GET_SMC_OEN(fid) == OEN_OEM_START && GET_SMC_TYPE(fid) == SMC_TYPE_FAST;
}

static uintptr_t handle_call(uint32_t fid, u_register_t x1, u_register_t x2, u_register_t x3, u_register_t x4,
			     void *cookie, void *handle, u_register_t flags)
{
	enum vtpm_origin origin = caller_origin(handle, flags);

	if (origin == VTPM_FROM_GUEST && !vtpm_gate_allows(fid)) {
		SMC_RET1(handle, SMC_UNK);
	}
	if (!is_ours(fid)) {
		return forward(fid, x1, x2, x3, x4, cookie, handle, flags);
	}
	if (!running) {
		SMC_RET1(handle, SMC_UNK);
	}
	return serve(fid, origin, handle);
}

static int32_t start(void);

/* TF-A starts runtime services one by one; what it takes for BL32's start comes after the last of them. */
static int32_t setup(void)
{
	bl31_register_bl32_init(start);
	return 0;
}

DECLARE_RT_SVC(vtpm, OEN_OEM_START, OEN_OEM_END, SMC_TYPE_FAST, setup, handle_call);

/*
 * From now on TF-A's dispatcher finds this service for every owner, of which the table from before knows the real one.
 */
static void close_gate(void)
{
	const rt_svc_desc_t *first = (const rt_svc_desc_t *)RT_SVC_DESCS_START;

	memcpy(ungated, rt_svc_descs_indices, sizeof(ungated));
	memset(rt_svc_descs_indices, (int)(&__svc_desc_vtpm - first), sizeof(rt_svc_descs_indices));
}

static const char *begin(void *tree)
{
	const char *reason = glue_engine_map();

	if (reason != NULL) {
		return reason;
	}
	if (tree == NULL) {
		return "no device tree to announce the queue pool in";
	}
	glue_entropy_start(tree);
	return glue_devicetree_announce(tree);
}

/*
 * Runs once, after every runtime service has been initialised. The gate closes even if the service stays off:
 * hypervisors may count on it. Returns 1, which tells TF-A that all is well: without vTPMs the machine still boots.
 */
static int32_t start(void)
{
	void *tree = glue_devicetree_open();
	const char *reason = begin(tree);

	close_gate();
	if (tree != NULL) {
		glue_devicetree_close(tree);
	}
	if (reason != NULL) {
		printf("vTPM: service off: %s\n", reason);
		return 1;
	}
	running = true;
	printf("vTPM: service %d.%d ready, %d windows, entropy %s, secure space %s, build " VTPM_BUILD_ID "\n",
	       VTPM_VERSION_MAJOR, VTPM_VERSION_MINOR, VTPM_WINDOW_COUNT, glue_entropy_name(),
	       VTPM_SPACE_PROTECTED ? "protected" : "unprotected");
	return 1;
}
