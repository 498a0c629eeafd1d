/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the command is to end with TPM_RC_CANCELED. The service says so in the mailbox, while the command is parked.
 * libtpms looks while it makes an RSA key, signs with ECDAA or tests itself. Its own file of these functions, which
 * this one replaces, has a flag of which the service knows nothing.
 */
#include "window.h"

/* libtpms, Platform_fp.h. */
int _plat__IsCanceled(void);
void _plat__SetCancel(void);
void _plat__ClearCancel(void);

int _plat__IsCanceled(void)
{
	/* It changes behind the compiler's back. */
	return __atomic_load_n(&engine_mailbox.cancel, __ATOMIC_RELAXED) != 0;
}

/* libtpms never does either by itself, and the service clears the mailbox's word before each run. */
void _plat__SetCancel(void)
{
}

void _plat__ClearCancel(void)
{
}
