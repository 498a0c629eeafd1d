/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Python and the interpreters at EL2 (monitor) and EL1 (guest agent) must agree on: instructions, mailbox,
 * outcomes. This is the only definition; hil.target.monitor.abi reads the same file, so every line is `#define NAME
 * value`, where value is an integer expression over names defined above it.
 */
#ifndef AGENT_ABI_H
#define AGENT_ABI_H

/* Grows with every change of this file or of the shell's requests: `ping` answers it. */
#define AGENT_ABI_VERSION 3

/*
 * A program works on 32 registers of 64 bits, r0-r31, all zero at the start, and on memory at the interpreter's own
 * exception level. An instruction is 16 bytes, little endian: u8 op, u8 a, u8 b, u8 c, u32 small, u64 imm.
 * "rc or imm" means register c, or imm when c is AGENT_IMMEDIATE.
 */
#define AGENT_REGISTERS 32
#define AGENT_IMMEDIATE 0xFF
#define AGENT_INSTRUCTION_BYTES 16

#define AGENT_OP_HALT 0 /* end, with code imm */
#define AGENT_OP_SET 1  /* ra = imm */
#define AGENT_OP_MOVE 2 /* ra = rb */
#define AGENT_OP_DATA 3 /* ra = address of byte imm of the data area */
#define AGENT_OP_ADD 4  /* ra = rb + (rc or imm); likewise the next nine */
#define AGENT_OP_SUB 5
#define AGENT_OP_MUL 6
#define AGENT_OP_DIV 7 /* unsigned; by zero gives zero, as UDIV does */
#define AGENT_OP_REM 8 /* unsigned; by zero gives rb */
#define AGENT_OP_AND 9
#define AGENT_OP_OR 10
#define AGENT_OP_XOR 11
#define AGENT_OP_SHL 12     /* by 64 or more gives zero */
#define AGENT_OP_SHR 13     /* unsigned; by 64 or more gives zero */
#define AGENT_OP_LOAD 14    /* ra = 1 << small bytes at rb + imm */
#define AGENT_OP_STORE 15   /* 1 << small bytes at rb + imm = ra */
#define AGENT_OP_COPY 16    /* (rc or imm) bytes from rb to ra, in accesses of 1 << small bytes */
#define AGENT_OP_FILL 17    /* (rc or imm) bytes at ra = low byte of rb */
#define AGENT_OP_FIND 18    /* ra = offset of the first u64 at rb, below (rc or imm) bytes, that equals ra; or ~0 */
#define AGENT_OP_DIFFER 19  /* ra = offset of the first byte that differs at ra and rb, below (rc or imm); or ~0 */
#define AGENT_OP_JUMP 20    /* go to small */
#define AGENT_OP_BRANCH 21  /* if ra <condition b> (rc or imm) go to small */
#define AGENT_OP_LOOP 22    /* ra = ra - 1; if not zero go to small */
#define AGENT_OP_SMC 23     /* SMC #0 with x0-x30 = r0-r30; then r0-r30 = x0-x30 */
#define AGENT_OP_HVC 24     /* HVC #0, likewise */
#define AGENT_OP_EXECUTE 25 /* the one A64 instruction `small`, with x0 = ra and x1 = rb; then ra = x0 */
#define AGENT_OP_CALL 26    /* the A64 function at ra, with x0-x7 = r0-r7; then r0 = x0 */
#define AGENT_OP_MAP 27     /* EL1: map VA ra to IPA rb, (rc or imm) bytes, attributes small */
#define AGENT_OP_UNMAP 28   /* EL1: unmap VA ra, (rc or imm) bytes */
#define AGENT_OP_FP_LOAD 29 /* v0-v31, FPCR, FPSR = the AGENT_FP_BYTES at ra */
#define AGENT_OP_FP_STORE 30
#define AGENT_OP_AWAIT 31     /* spin until the u32 at ra is at least rb, at most imm ticks; ra = 1 if it was, else 0 */
#define AGENT_OP_FETCH_ADD 32 /* ra = u32 at rb, which grows by (rc or imm), atomically */
#define AGENT_OP_ON_FAULT 33  /* from here on a fault goes to small; AGENT_NO_TARGET: a fault ends the program */
#define AGENT_OP_FAULT 34     /* ra = u64 at offset small of the last fault record */
#define AGENT_OPS 35

#define AGENT_NO_TARGET 0xFFFFFFFF

/* Conditions of BRANCH. */
#define AGENT_IF_EQ 0
#define AGENT_IF_NE 1
#define AGENT_IF_LO 2 /* unsigned less */
#define AGENT_IF_HS 3 /* unsigned greater or equal */
#define AGENT_IF_LT 4 /* signed less */
#define AGENT_IF_GE 5 /* signed greater or equal */

/* Attributes of MAP. */
#define AGENT_MAP_WRITABLE (1 << 0)
#define AGENT_MAP_DEVICE (1 << 1)

/* FP_LOAD and FP_STORE: v0 to v31, 16 bytes each, then FPCR and FPSR, 8 bytes each. */
#define AGENT_FP_BYTES (32 * 16 + 16)

/* COPY, FILL, FIND, DIFFER: more than this in one instruction is a bad program. */
#define AGENT_MAX_BYTES 0x1000000

/* How a program ended. */
#define AGENT_HALTED 1   /* by HALT */
#define AGENT_FAULTED 2  /* by an exception; the fault record says which */
#define AGENT_DEADLINE 3 /* out of time, noticed by the interpreter */
#define AGENT_BAD 4      /* malformed instruction at pc, or no instruction there */
#define AGENT_STOPPED 5  /* out of time, stopped by EL2; the vCPU starts afresh, the fault record says where it was */
#define AGENT_STUCK 6    /* out of time and not stoppable (inside EL3); still busy */

/*
 * Fault record, u64 each. CLASS: 0 none, 1 synchronous, 2 SError. EL is the level that took the exception: an abort
 * with EL 2 in a guest's record is a stage-2 abort, and IPA is then valid (page aligned).
 */
#define AGENT_FAULT_CLASS 0
#define AGENT_FAULT_ESR 8
#define AGENT_FAULT_ELR 16
#define AGENT_FAULT_FAR 24
#define AGENT_FAULT_IPA 32
#define AGENT_FAULT_EL 40
#define AGENT_FAULT_COUNT 48 /* faults since the program started */
#define AGENT_FAULT_BYTES 56
#define AGENT_FAULT_SYNCHRONOUS 1
#define AGENT_FAULT_SERROR 2

/* Mailbox of one agent: offsets in bytes. Python never sees it; the two images and their sizes depend on it. */
#define AGENT_MAILBOX_SLOTS 0x1000 /* code of EXECUTE, in a page of its own */
#define AGENT_MAILBOX_PROGRAM 0x2000
#define AGENT_MAX_INSTRUCTIONS 1024
#define AGENT_MAILBOX_DATA (AGENT_MAILBOX_PROGRAM + AGENT_MAX_INSTRUCTIONS * AGENT_INSTRUCTION_BYTES)
#define AGENT_DATA_BYTES 0x8000
#define AGENT_MAILBOX_BYTES (AGENT_MAILBOX_DATA + AGENT_DATA_BYTES)

/*
 * Program on the wire: each instruction as op, a, b, c, a byte that says how many bytes of `small` (low nibble) and of
 * `imm` (high nibble) follow, and these, least significant first; the others are zero.
 */
#define AGENT_PACKED_BYTES 5
#define AGENT_PACKED_MOST (AGENT_PACKED_BYTES + 4 + 8)

/*
 * Outcome on the wire: u32 how it ended (with AGENT_FAULT_FOLLOWS), u32 HALT's code, u32 pc, u32 mask of the registers
 * that follow, u64 steps; the fault record, if there is one; of the registers asked for, those that are not zero; the
 * data asked for. The data area is kept from program to program.
 */
#define AGENT_OUTCOME_BYTES 24
#define AGENT_FAULT_FOLLOWS (1 << 8)

/*
 * A VM's RAM: guest-physical layout. The image lies at the start; behind it one block per vCPU holds mailbox, stack
 * and stage-1 tables. What is behind the last block is free for tests.
 */
#define GUEST_RAM_IPA 0x40000000
#define GUEST_IMAGE_BYTES 0x10000
#define GUEST_BLOCK_BYTES 0x20000
#define GUEST_BLOCK_STACK_TOP 0x10000
#define GUEST_BLOCK_TABLES 0x10000
#define GUEST_BLOCK_TABLE_PAGES 16
#define GUEST_MAX_VCPUS 3
#define GUEST_RAM_UNIT 0x80000        /* RAM comes in multiples of this */
#define GUEST_IDENTITY_BYTES 0x400000 /* of RAM, mapped at VA = IPA from the start; programs map the rest */

/* HVC of a guest that has finished its request: vendor specific hypervisor range, SMC64 fast call. */
#define GUEST_HVC_DONE 0xC6000001

/* How it is with a guest that has an operating system: what `listen` of the shell answers first. */
#define LINUX_RUNNING 0
#define LINUX_OFF 1
#define LINUX_RESTARTED 2
#define LINUX_STOPPED 3

/* Attributes of a stage-2 mapping (`map` of the shell). */
#define STAGE2_WRITABLE (1 << 0)
#define STAGE2_DEVICE (1 << 1)

#endif
