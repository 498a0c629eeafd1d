/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of programs (docs/monitor.md): `:<seq> <text> *<crc>` asks, `=<seq> <text> *<crc>` answers. A request is
 * executed at most once, and answered as often as it is repeated.
 */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include "words.h"

/* A request that can be made, and what serves it. A list of them ends with a NULL name. */
struct request {
	const char *name;
	void (*serve)(const struct words *words, struct reply *reply);
};

/* Serves the request that word 0 names, or answers that there is none of this name. */
void dialogue_serve(const struct request *requests, const struct words *words, struct reply *reply);

/*
 * Returns the whole answer to a line, which comes without its `:` and line end, and which is changed. `execute` gets
 * the request's words, the command's name first, and writes the text of the answer; it is called once per request. The
 * answer is valid until the next call.
 */
const struct reply *dialogue_answer(char *line, size_t length,
				    void (*execute)(const struct words *words, struct reply *reply));

#endif
