/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The constants of the dialogue with a guest's command loop, which C and Python share (docs/linux.md).
 */
#ifndef GUEST_COMMANDS_H
#define GUEST_COMMANDS_H

#define COMMANDS_VERSION 1

/* Streams of a job, as `read` names them. */
#define COMMANDS_OUTPUT 1
#define COMMANDS_ERRORS 2

/* The most bytes of both streams together in one answer. */
#define COMMANDS_MOST_BYTES 0x8000

#endif
