/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SHELL_H
#define SHELL_H

/* Serves people and programs on the console, for ever. docs/monitor.md describes what it speaks. */
_Noreturn void shell_run(void);

#endif
