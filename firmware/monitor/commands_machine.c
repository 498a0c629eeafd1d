/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The requests that programs can make, by name. Their functions are in commands_agent.c, commands_vm.c, commands_cpu.c
 * and commands_linux.c. There is no usage text: docs/monitor.md lists arguments and answers, and Python is the only
 * caller.
 */
#include "commands_machine.h"

#include <stddef.h>

#include "agent_abi.h"

static void ping(const struct words *words, struct reply *reply)
{
	const uint64_t version = AGENT_ABI_VERSION;

	(void)words;
	reply_numbers(reply, &version, 1);
}

const struct command machine_commands[] = {
	{"ping", "", ping},
	{"run", "", request_run},
	{"start", "", request_start},
	{"wait", "", request_wait},
	{"create", "", request_create},
	{"destroy", "", request_destroy},
	{"map", "", request_map},
	{"unmap", "", request_unmap},
	{"trap", "", request_trap},
	{"cacheable", "", request_cacheable},
	{"counters", "", request_counters},
	{"classes", "", request_classes},
	{"online", "", request_online},
	{"off", "", request_off},
	{"on", "", request_on},
	{"boot", "", request_boot},
	{"listen", "", request_listen},
	{"type", "", request_type},
	{"stop", "", request_stop},
	{NULL, NULL, NULL},
};
