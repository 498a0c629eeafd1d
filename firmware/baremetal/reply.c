/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of an answer, while a command writes it. Text that does not fit is cut off. No answer that a program relies
 * on may come to that, and the assertion below covers the largest one.
 */
#include "reply.h"

#include "agent_abi.h"
#include "codec.h"
#include "memory.h"

_Static_assert(REPLY_BYTES >
		       (AGENT_OUTCOME_BYTES + AGENT_FAULT_BYTES + AGENT_REGISTERS * 8 + AGENT_DATA_BYTES + 3) / 3 * 4 +
			       64,
	       "the largest outcome fits");

void reply_begin(struct reply *reply)
{
	reply->prefix = 0;
	reply->length = 0;
}

void reply_keep(struct reply *reply)
{
	reply->prefix = reply->length;
}

void reply_text(struct reply *reply, const char *text)
{
	for (; *text != '\0' && reply->length < REPLY_BYTES; text++) {
		reply->text[reply->length++] = *text;
	}
}

void reply_hex(struct reply *reply, uint64_t value)
{
	char digits[17];

	digits[format_hex(value, digits)] = '\0';
	reply_text(reply, digits);
}

void reply_numbers(struct reply *reply, const uint64_t *values, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		reply_text(reply, " ");
		reply_hex(reply, values[i]);
	}
}

void reply_base64(struct reply *reply, const void *bytes, size_t count)
{
	if ((count + 2U) / 3U * 4U <= REPLY_BYTES - reply->length) {
		reply->length += base64_encode(bytes, count, &reply->text[reply->length]);
	}
}

void reply_error(struct reply *reply, const char *reason)
{
	reply->length = reply->prefix;
	reply_text(reply, "err ");
	reply_text(reply, reason);
}
