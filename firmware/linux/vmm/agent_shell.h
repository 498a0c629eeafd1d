/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about agents and vTPMs on standard input, answers on standard output: the dialogue of docs/monitor.md.
 */
#ifndef VMM_AGENT_SHELL_H
#define VMM_AGENT_SHELL_H

/* Ends with its input, or on a signal that comes by this descriptor. */
_Noreturn void agent_shell_serve(unsigned int agents, int signals);

#endif
