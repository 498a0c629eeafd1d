// SPDX-License-Identifier: BSD-3-Clause
/*
 * The management calls of the service at EL3 (vtpm_abi.h), and what their statuses are as errno.
 */
#include <linux/arm-smccc.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/sched/signal.h>

#include "service.h"

/*
 * This module makes one call at a time per instance, so BUSY means that an engine window is being given from one
 * instance to another, or that every window is at work. An unmodified guest takes BUSY for a broken TPM, so a call is
 * repeated for at least half a second, and asleep in between.
 */
#define BUSY_TRIES 5000
#define BUSY_WAIT_US 100

static s64 call(struct arm_smccc_1_2_regs *regs)
{
	const struct arm_smccc_1_2_regs asked = *regs;
	s64 status;

	/* What a VM has written to its queue, on whichever processor, must be visible before EL3 reads it. */
	mb();
	arm_smccc_1_2_smc(&asked, regs);
	status = (s64)regs->a0;
	for (unsigned int tries = 0; status == VTPM_E_MORE || (status == VTPM_E_BUSY && tries < BUSY_TRIES);) {
		if (status == VTPM_E_MORE) {
			/* Its interrupt has been taken. A process that is being killed leaves the rest to DESTROY. */
			if (fatal_signal_pending(current))
				break;
			cond_resched();
		} else {
			usleep_range(BUSY_WAIT_US, 2 * BUSY_WAIT_US);
			tries++;
		}
		arm_smccc_1_2_smc(&asked, regs);
		status = (s64)regs->a0;
	}
	return status;
}

static int errno_of(s64 status)
{
	switch (status) {
	case VTPM_OK:
		return 0;
	case VTPM_E_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	case VTPM_E_NOT_PERMITTED:
		return -EPERM;
	case VTPM_E_BAD_REQUIREMENT:
		return -EINVAL;
	case VTPM_E_BAD_HANDLE:
		return -ENXIO;
	case VTPM_E_BAD_STATE:
		return -EBADFD;
	case VTPM_E_BAD_ADDRESS:
		return -EADDRNOTAVAIL;
	case VTPM_E_NO_SPACE:
		return -ENOSPC;
	case VTPM_E_BUSY:
		return -EBUSY;
	case VTPM_E_NO_ENTROPY:
		return -ENODATA;
	case VTPM_E_ENGINE_FAILED:
		return -EIO;
	case VTPM_E_BAD_QUEUE:
		return -EPROTO;
	case VTPM_E_EXISTS:
		return -EEXIST;
	case VTPM_E_MORE:
		return -EINTR;
	default:
		return -EREMOTEIO;
	}
}

/* DESTROY ignores a2, and so does a service that does not know MORE. */
static int manage(u32 fid, u64 handle)
{
	struct arm_smccc_1_2_regs regs = {.a0 = fid, .a1 = handle, .a2 = VTPM_TELL_MORE};

	return errno_of(call(&regs));
}

int service_find(void)
{
	struct arm_smccc_1_2_regs uid = {.a0 = VTPM_FID_CALL_UID};
	struct arm_smccc_1_2_regs revision = {.a0 = VTPM_FID_REVISION};

	if (arm_smccc_1_1_get_conduit() != SMCCC_CONDUIT_SMC)
		return -ENODEV; /* this kernel is a guest, or nothing runs at EL3 */
	call(&uid);
	if ((u32)uid.a0 != VTPM_UID_W0 || (u32)uid.a1 != VTPM_UID_W1 || (u32)uid.a2 != VTPM_UID_W2 ||
	    (u32)uid.a3 != VTPM_UID_W3)
		return -ENODEV;
	call(&revision);
	return (u32)revision.a0 == VTPM_VERSION_MAJOR ? 0 : -ENODEV;
}

int service_create(u64 vm_id, u64 requirements, u64 slots, u64 index, struct service_instance *out)
{
	struct arm_smccc_1_2_regs regs = {
		.a0 = VTPM_FID_CREATE, .a1 = vm_id, .a2 = requirements, .a3 = slots, .a4 = index};
	int error = errno_of(call(&regs));

	if (error == 0)
		*out = (struct service_instance){regs.a1, regs.a2, regs.a3};
	return error;
}

int service_place(u64 handle, struct ipa ipa)
{
	struct arm_smccc_1_2_regs regs = {.a0 = VTPM_FID_BIND, .a1 = handle, .a5 = ipa.value};

	return errno_of(call(&regs));
}

int service_info(u64 handle, struct vtpm_info *out)
{
	struct arm_smccc_1_2_regs regs = {.a0 = VTPM_FID_INFO, .a1 = handle, .a2 = VTPM_INFO_STATE};
	int error = errno_of(call(&regs));

	if (error == 0) {
		out->state = regs.a1;
		out->vm = regs.a2;
		out->queue = regs.a3;
		out->queue_bytes = regs.a4;
		out->commands = regs.a5;
		out->requirements = regs.a6;
	}
	return error;
}

int service_forward(u64 handle)
{
	return manage(VTPM_FID_FORWARD, handle);
}

int service_reset(u64 handle)
{
	return manage(VTPM_FID_RESET, handle);
}

int service_destroy(u64 handle)
{
	return manage(VTPM_FID_DESTROY, handle);
}
