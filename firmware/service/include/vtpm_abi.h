/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vTPM service ABI: everything that two exception levels, or C and Python, must agree on.
 *
 * This is the only definition. C includes it; hil.target.vtpm.abi reads the same file. To keep that possible, every
 * line is `#define NAME value`, where value is an integer literal or an integer expression over names defined above it.
 */
#ifndef VTPM_ABI_H
#define VTPM_ABI_H

/*
 * Function identifiers: SMCCC (Arm DEN0028) section 2.5, fast calls (bit 31), SMC64 (bit 30), OEM service calls
 * (owner 3 in bits 29:24).
 */
#define VTPM_FID_VERSION 0xC3000000
#define VTPM_FID_LIMITS 0xC3000001
#define VTPM_FID_CREATE 0xC3000002
#define VTPM_FID_BIND 0xC3000003
#define VTPM_FID_INFO 0xC3000004
#define VTPM_FID_RESET 0xC3000005
#define VTPM_FID_DESTROY 0xC3000006
#define VTPM_FID_SAVE 0xC3000007
#define VTPM_FID_RESTORE 0xC3000008
#define VTPM_FID_FORWARD 0xC3000009
#define VTPM_FID_DOORBELL 0xC3000010
#define VTPM_FID_QUEUE_CHECK 0xC3000020

/* General service queries of the OEM range, SMC32: SMCCC section 6.2. */
#define VTPM_FID_CALL_COUNT 0x8300FF00
#define VTPM_FID_CALL_UID 0x8300FF01
#define VTPM_FID_REVISION 0x8300FF03

/* 6f1c3a52-90be-4d6a-a3f7-1d2b8c5e7094, as SMCCC returns it: bytes 0-3 in the low byte first order of W0, and so on. */
#define VTPM_UID_W0 0x523A1C6F
#define VTPM_UID_W1 0x6A4DBE90
#define VTPM_UID_W2 0x2B1DF7A3
#define VTPM_UID_W3 0x94705E8C

/* VERSION: x0 = major << 16 | minor, x1 = features. */
#define VTPM_VERSION_MAJOR 1
#define VTPM_VERSION_MINOR 0
#define VTPM_FEATURE_PROTECTED_SPACE (1 << 0) /* the secure pool is protected by hardware from the normal world */
#define VTPM_FEATURE_ENTROPY_CPU (1 << 1)     /* entropy comes from FEAT_RNG */
#define VTPM_FEATURE_ENTROPY_SOC (1 << 2)     /* entropy comes from the SoC's generator */
#define VTPM_FEATURE_TEST_SEED (1 << 3)       /* test build: entropy can be made to fail or repeat */
#define VTPM_FEATURE_SAVE (1 << 4)            /* SAVE and RESTORE work */
#define VTPM_FEATURE_PARKING (1 << 5)         /* long commands are parked when an interrupt is pending */
#define VTPM_FEATURE_ENTROPY_SEED (1 << 6)    /* entropy comes from one seed that the boot firmware handed over */

/* Status, signed 64-bit, in x0. NOT_SUPPORTED is SMCCC's; the others have one meaning each. */
#define VTPM_OK 0
#define VTPM_E_NOT_SUPPORTED (-1)
#define VTPM_E_NOT_PERMITTED (-16)   /* this caller may not make this call, or owns no such instance */
#define VTPM_E_BAD_REQUIREMENT (-17) /* requirements or another argument malformed, or not to be honoured */
#define VTPM_E_BAD_HANDLE (-18)      /* no live instance has this handle */
#define VTPM_E_BAD_STATE (-19)       /* the instance is in a state that does not allow the call */
#define VTPM_E_BAD_ADDRESS (-20)     /* an address is unaligned, out of range, or does not map to the queue */
#define VTPM_E_NO_SPACE (-21)        /* the secure pool, the queue pool or the instance table is full */
#define VTPM_E_BUSY (-22)            /* another CPU is in this instance or in the instance table; try again */
#define VTPM_E_BAD_IMAGE (-23)       /* a saved image is damaged, old, or not this instance's */
#define VTPM_E_NO_ENTROPY (-24)      /* the entropy source failed; nothing was created */
#define VTPM_E_ENGINE_FAILED (-25)   /* the instance's engine failed; the instance is stopped and scrubbed */
#define VTPM_E_BAD_QUEUE (-26)       /* the ring in the control page is malformed */
#define VTPM_E_EXISTS (-27)          /* CREATE: this VM already has an instance with this index */
#define VTPM_E_STALE_EPOCH (-28)     /* BIND: the identity was bound to another VM under this epoch or a later one */
#define VTPM_E_MORE (-29)            /* FORWARD, RESET: an interrupt came; the same call goes on with it */

/*
 * LIMITS: x1 = selector. VTPM_LIMITS_INSTANCES returns x1 = instances possible, x2 = in use, x3 = pool bytes total,
 * x4 = pool bytes free, x5 = largest queue in bytes, x6 = queue pool base (PA), x7 = queue pool bytes.
 * VTPM_LIMITS_MEMORY returns x1 = windows total, x2 = windows in use, x3 = bytes per window, x4 = bytes of all state
 * images held now, x5 = number of those images, x6 = engine code and constants in bytes, x7 = secure pool base (PA).
 */
#define VTPM_LIMITS_INSTANCES 0
#define VTPM_LIMITS_MEMORY 1

/*
 * CREATE: x1 = VM id (64 bits, not zero), x2 = requirements, x3 = queue slots, x4 = index within the VM.
 * x5-x7 must be zero. Returns x1 = handle, x2 = queue PA, x3 = queue bytes.
 */
#define VTPM_REQUIRE_PROFILE_MASK 0xFF
#define VTPM_REQUIRE_PERSISTENT (1 << 8)      /* else ephemeral: RESET gives a newly manufactured TPM */
#define VTPM_REQUIRE_PLATFORM_CLOSED (1 << 9) /* TPM2_Startup leaves the platform hierarchy disabled */
#define VTPM_REQUIRE_KNOWN (VTPM_REQUIRE_PROFILE_MASK | VTPM_REQUIRE_PERSISTENT | VTPM_REQUIRE_PLATFORM_CLOSED)
#define VTPM_PROFILE_DEFAULT 0 /* TPM 2.0, every PCR bank the engine implements */
#define VTPM_PROFILE_SHA256 1  /* TPM 2.0, SHA-256 PCR bank only */
#define VTPM_PROFILE_SHA384 2  /* TPM 2.0, SHA-384 PCR bank only */
#define VTPM_PROFILE_COUNT 3
#define VTPM_MAX_SLOTS 15
#define VTPM_MAX_INDEX 15

/*
 * BIND: x1 = handle, x2 = VMID, x3 = stage-2 base (the BADDR field of VTTBR_EL2, as an address), x4 = epoch (not
 * zero), x5 = IPA at which the VM finds the queue (page aligned; 0: the CRB address fields stay zero).
 * An identity (VMID, base) belongs to one VM at a time. Binding it to another VM needs a larger epoch and unbinds
 * every instance of the former owner from it. VMID, base and epoch all zero: only the IPA is set, and what was bound
 * stays bound; this is for hypervisors that FORWARD, whose guests never ring.
 *
 * INFO: x1 = handle, x2 = selector. VTPM_INFO_STATE returns x1 = state, x2 = VM id, x3 = queue PA, x4 = queue bytes,
 * x5 = commands executed, x6 = requirements, x7 = index within the VM. VTPM_INFO_TICKS returns, in CNTPCT_EL0 ticks,
 * x1 = the last doorbell from dispatch to return, x2 = of it, in the engine, x3 = of it, switching windows,
 * x4 = window switches so far, x5 = window loads (image to window) so far, x6 = window evictions so far, all of this
 * instance.
 *
 * RESET: x1 = handle. Also lays out the queue anew: ring counters start at zero again, slots are empty. A persistent
 * TPM whose last command was not a TPM2_Shutdown that succeeded gets TPM2_Shutdown(CLEAR) before its _TPM_Init, so the
 * crash of a VM does not count as a failed authorisation.
 * DESTROY, FORWARD: x1 = handle. FORWARD does what DOORBELL does, also for an instance that is not bound.
 * FORWARD, RESET: with x2 = VTPM_TELL_MORE, the call ends with MORE when it is interrupted, and is to be made again.
 */
#define VTPM_TELL_MORE 0x45524F4D
#define VTPM_INFO_STATE 0
#define VTPM_INFO_TICKS 1
#define VTPM_STATE_CREATED 1 /* not bound: no VM can ring */
#define VTPM_STATE_BOUND 2
#define VTPM_STATE_FAILED 3 /* the engine failed; only INFO, RESET (ephemeral) and DESTROY are possible */

/*
 * QUEUE_CHECK: x1 = VA of the control page in the caller's address space, x2 = index within the VM. EL3 translates
 * every page of the queue for reading and writing at EL1 (AT S12E1R, S12E1W) and compares with the queue's PA.
 *
 * CANCEL: while it is not 0, a command that is interrupted ends with TPM_RC_CANCELED if it makes an RSA key; others end
 * as usual. The guest writes it, and 0 again afterwards.
 *
 * DOORBELL + k: no arguments (TCG ACPI specification, start method 11). Index k within the calling VM.
 *
 * Interrupts, with VTPM_FEATURE_PARKING: CREATE, RESET, DESTROY, FORWARD and DOORBELL give the CPU back as soon as an
 * interrupt of the normal world is pending. The call is parked, and its SMC is executed again behind the interrupt,
 * with the registers that it had; the caller notices nothing but time. It goes on on whichever CPU makes the same call:
 * for a doorbell, any vCPU of the VM, or FORWARD. Another call that needs the instance finishes the parked one first,
 * in its own time, and the caller of that one gets its answer when it calls again; DESTROY ends one that is about its
 * instance. Between two commands of a ring, too, an interrupt is taken. The rule: a call is parked only if its caller
 * would take the interrupt: if interrupts go to a higher exception level than the caller's, or to the caller's and
 * PSTATE.I and ALLINT are 0. A caller that masks interrupts at its own level keeps the CPU until its command is done,
 * at most one command of a ring at a time, and gets BUSY from an instance of which a call is parked. A command that has
 * had 300 seconds of a processor ends with ENGINE_FAILED at the next interrupt.
 *
 * With VTPM_TELL_MORE, FORWARD and RESET return MORE instead, whether their caller masks interrupts or not. It must let
 * the interrupt be taken, and may do anything else, before it makes the same call again; with an interrupt that stays
 * pending the command gets nowhere. MORE without an interrupt means that another CPU is going on with that instance.
 */

/*
 * The queue: one control page, then one buffer page per slot. Offsets from the start of the queue, in bytes.
 * The control page begins with the CRB registers of slot 0: TCG PC Client Platform TPM Profile 1.05, table 25.
 * All fields are little endian.
 */
#define VTPM_PAGE_BYTES 4096
#define VTPM_SLOT_BYTES VTPM_PAGE_BYTES
#define VTPM_CRB_LOC_STATE 0x00
#define VTPM_CRB_LOC_CTRL 0x08
#define VTPM_CRB_LOC_STS 0x0C
#define VTPM_CRB_INTF_ID 0x30
#define VTPM_CRB_CTRL_EXT 0x38
#define VTPM_CRB_CONTROL_AREA 0x40 /* the address that the ACPI TPM2 table gives */
#define VTPM_CRB_CTRL_REQ 0x40
#define VTPM_CRB_CTRL_STS 0x44
#define VTPM_CRB_CTRL_CANCEL 0x48
#define VTPM_CRB_CTRL_START 0x4C
#define VTPM_CRB_INT_ENABLE 0x50
#define VTPM_CRB_INT_STS 0x54
#define VTPM_CRB_CMD_SIZE 0x58
#define VTPM_CRB_CMD_LADDR 0x5C
#define VTPM_CRB_CMD_HADDR 0x60
#define VTPM_CRB_RSP_SIZE 0x64
#define VTPM_CRB_RSP_ADDR 0x68

/*
 * The ring, in the same page. The guest writes HEAD, and length and state of the slots it submits; EL3 writes TAIL,
 * and length and state of the slots it completes, and keeps its own copy of TAIL, the slot count and all addresses.
 * HEAD and TAIL count commands, modulo 2^32; slot = counter % slots. HEAD - TAIL > slots is BAD_QUEUE.
 */
#define VTPM_RING_MAGIC 0x800 /* u32, written by EL3 at CREATE */
#define VTPM_RING_MAGIC_VALUE 0x51545056
#define VTPM_RING_SLOTS 0x804   /* u32, written by EL3 at CREATE, never read back */
#define VTPM_RING_HEAD 0x808    /* u32, guest */
#define VTPM_RING_TAIL 0x80C    /* u32, EL3 */
#define VTPM_RING_ENTRIES 0x840 /* one entry per slot */
#define VTPM_RING_ENTRY_BYTES 16
#define VTPM_ENTRY_STATE 0  /* u32 */
#define VTPM_ENTRY_LENGTH 4 /* u32, bytes of command, then of response */
#define VTPM_ENTRY_RESERVED 8
#define VTPM_SLOT_FREE 0
#define VTPM_SLOT_SUBMITTED 1
#define VTPM_SLOT_DONE 2
#define VTPM_SLOT_REFUSED 3 /* state or length was out of range; the slot holds a TPM error response */

/* A TPM command or response header: TPM 2.0 Library part 1, table 24: tag u16, size u32, code u32, big endian. */
#define VTPM_TPM_HEADER_BYTES 10
#define VTPM_TPM_TAG_NO_SESSIONS 0x8001
#define VTPM_TPM_RC_COMMAND_SIZE 0x142
#define VTPM_TPM_RC_FAILURE 0x101

#endif
