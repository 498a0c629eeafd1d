/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shell on the monitor's serial line, for people and for programs.
 */
#ifndef SHELL_H
#define SHELL_H

/* CPU 0: serves people and programs on the console and never returns. docs/monitor.md describes the dialogue. */
_Noreturn void shell_run(void);

#endif
