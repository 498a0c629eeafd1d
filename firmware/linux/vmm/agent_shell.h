/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about agents and vTPMs on standard input, answers on standard output: the dialogue of docs/monitor.md.
 */
#ifndef VMM_AGENT_SHELL_H
#define VMM_AGENT_SHELL_H

/* Serves requests until its input ends, or a signal comes by the descriptor `signals`; then ends the process. */
_Noreturn void agent_shell_serve(unsigned int agents, int signals);

#endif
