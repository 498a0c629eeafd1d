/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where CPU 0 begins in C, and where a CPU ends whose monitor code has failed.
 */
#include "codec.h"
#include "console.h"
#include "cpu.h"
#include "mmu.h"
#include "reply.h"
#include "shell.h"

void monitor_main(void);
_Noreturn void fault_unguarded(uint64_t class, uint64_t esr, uint64_t elr, uint64_t far);

/*
 * CPU 0, from entry.S: EL2, MMU off, stack and .bss ready. The tables are written first, since every CPU turns its MMU
 * on with them; then the console, so that a failure further on can be seen.
 */
void monitor_main(void)
{
	mmu_prepare();
	console_start();
	codec_start();
	cpu_start_all();
	shell_run();
}

/*
 * An exception in the monitor while no guard is armed: this CPU cannot go on. The line is what `PANIC` in a board file
 * looks for. The text is static because the stack may be what failed.
 */
_Noreturn void fault_unguarded(uint64_t class, uint64_t esr, uint64_t elr, uint64_t far)
{
	static struct reply text;

	reply_begin(&text);
	reply_text(&text, "\nmonitor: PANIC class=");
	reply_hex(&text, class);
	reply_text(&text, " esr=");
	reply_hex(&text, esr);
	reply_text(&text, " elr=");
	reply_hex(&text, elr);
	reply_text(&text, " far=");
	reply_hex(&text, far);
	reply_text(&text, "\n");
	console_put_bytes(text.text, text.length);
	for (;;) {
		__asm__ volatile("wfi");
	}
}
