/* SPDX-License-Identifier: BSD-3-Clause */
/* What heap.c needs of the engine when it is tested alone: a fault ends the process with FAULT_EXIT + the fault. */
#include <stdlib.h>

#include "leave.h"

enum { FAULT_EXIT = 100 };

_Noreturn void engine_fatal(enum engine_fault fault)
{
	_Exit(FAULT_EXIT + (int)fault);
}
