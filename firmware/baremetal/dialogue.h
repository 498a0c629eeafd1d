/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of programs (docs/monitor.md): `:<seq> <text> *<crc>` asks, `=<seq> <text> *<crc>` answers. A request is
 * executed at most once, and answered as often as it is repeated.
 */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include "words.h"

/*
 * Returns the whole answer to a line, which comes without its `:` and line end, and which is changed. `execute` gets
 * the request's words, the command's name first, and writes the text of the answer; it is called once per request. The
 * answer is valid until the next call.
 */
const struct reply *dialogue_answer(char *line, size_t length,
				    void (*execute)(const struct words *words, struct reply *reply));

#endif
