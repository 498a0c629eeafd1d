/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine can ask of the service while it runs: entropy, a line on the console, and the end of its run. The
 * engine parses what guests send, so it is taken for hostile. Each argument is checked against the engine's own window,
 * and used only through the service's own mapping of that window. A call that breaks the rules of engine_abi.h ends the
 * run, and with it that one instance.
 */
#include "windows.h"

/* A hijacked engine must neither fill the console nor keep a CPU busy with it. Counted per load of a window. */
#define LOG_LINES 16

/* A byte beyond these could be a command to the terminal that shows the console: ECMA-48, 5.1. */
#define FIRST_PRINTABLE ' '
#define LAST_PRINTABLE '~'

/* True if [va, va + bytes) lies in the window and not in its guard page. No argument makes it overflow. */
static bool inside_window(uint64_t va, uint64_t bytes)
{
	uint64_t guard = state_get()->engine.guard_va;
	uint64_t offset = va - ENGINE_WINDOW_VA;

	if (va < ENGINE_WINDOW_VA || offset > ENGINE_WINDOW_BYTES || bytes > ENGINE_WINDOW_BYTES - offset) {
		return false;
	}
	return va + bytes <= guard || va >= guard + VTPM_PAGE_BYTES;
}

/*
 * Returns what the engine has at `va`, which was found to be inside. The mask changes nothing then; it keeps a
 * processor that runs ahead of that check from touching anything beyond the window (CVE-2017-5753).
 */
static uint8_t *inside(unsigned int window, uint64_t va)
{
	return window_memory(window, va_make(ENGINE_WINDOW_VA + ((va - ENGINE_WINDOW_VA) & (ENGINE_WINDOW_BYTES - 1))));
}

static bool entropy(unsigned int window, const uint64_t x[2], uint64_t *result)
{
	if (x[1] > ENGINE_ENTROPY_MAX_BYTES || !inside_window(x[0], x[1])) {
		return false;
	}
	*result = vtpm_entropy_fill(inside(window, x[0]), (uint32_t)x[1]);
	return true;
}

/* A line that is too long is cut; one that leaves the window before its end is a mistake, and nothing of it is shown.
 */
static bool log_line(unsigned int window, uint64_t va)
{
	struct vtpm_window *from = &state_get()->windows[window];
	char text[ENGINE_LOG_MAX_BYTES];
	uint32_t length;

	for (length = 0; length < sizeof(text) - 1; length++) {
		char byte;

		if (!inside_window(va + length, 1)) {
			return false;
		}
		byte = (char)*inside(window, va + length);
		if (byte == '\0') {
			break;
		}
		text[length] = byte >= FIRST_PRINTABLE && byte <= LAST_PRINTABLE ? byte : '.';
	}
	text[length] = '\0';
	if (from->log_lines < LOG_LINES) {
		from->log_lines++;
		port_engine_log(text);
	}
	return true;
}

bool vtpm_engine_call(unsigned int window, uint64_t number, const uint64_t x[2], uint64_t *result)
{
	bool allowed = false;

	switch (number) {
	case ENGINE_CALL_LEAVE:
		*result = x[0];
		return false;
	case ENGINE_CALL_FATAL:
		port_engine_gave_up(x[0]);
		*result = ENGINE_FATAL;
		return false;
	case ENGINE_CALL_ENTROPY:
		allowed = entropy(window, x, result);
		break;
	case ENGINE_CALL_LOG:
		*result = 0;
		allowed = log_line(window, x[0]);
		break;
	default:
		break;
	}
	if (!allowed) {
		port_engine_bad_call(number, x[0]);
		*result = ENGINE_FATAL;
	}
	return allowed;
}
