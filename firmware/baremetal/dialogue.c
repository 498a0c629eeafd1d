/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of the dialogue, and requests that are executed once. The line can lose or change bytes, so the other end
 * repeats a request that it got no good answer to; the sequence number says that it is the same one. Its answer is kept
 * until the next request comes.
 */
#include "dialogue.h"

#include <stddef.h>

#include "codec.h"

#define CRC_DIGITS 8U

static struct reply answer;
static uint64_t last_sequence; /* 0: none yet */

/* Checks the CRC at the end of the line, and cuts " *<crc>" off. */
static bool frame_is_good(char *line, size_t length)
{
	uint64_t crc;
	size_t body = length - CRC_DIGITS - 2U;

	if (length < CRC_DIGITS + 2U || line[body] != ' ' || line[body + 1U] != '*' ||
	    !parse_hex(&line[body + 2U], &crc) || crc32(line, body) != crc) {
		return false;
	}
	line[body] = '\0';
	return true;
}

static void begin(struct reply *reply, uint64_t sequence)
{
	reply_begin(reply);
	reply_text(reply, "=");
	reply_hex(reply, sequence);
	reply_text(reply, " ");
	reply_keep(reply);
}

static void end(struct reply *reply)
{
	uint32_t crc = crc32(&reply->text[1], reply->length - 1U);
	char tail[] = " *00000000\n";

	for (unsigned int i = CRC_DIGITS; i > 0U; i--, crc >>= 4U) {
		tail[i + 1U] = "0123456789abcdef"[crc % 16U];
	}
	reply_text(reply, tail);
}

/*
 * The answer to a damaged frame. Nobody knows which request it was, so it carries sequence number 0, which no request
 * has. It has a buffer of its own: the kept answer may be asked for next.
 */
static const struct reply *refusal(void)
{
	static struct reply refused;

	begin(&refused, 0);
	reply_text(&refused, "nak");
	end(&refused);
	return &refused;
}

void dialogue_serve(const struct request *requests, const struct words *words, struct reply *reply)
{
	reply_text(reply, "ok"); /* reply_error() replaces it */
	for (; requests->name != NULL; requests++) {
		if (word_is(requests->name, words->word[0])) {
			requests->serve(words, reply);
			return;
		}
	}
	reply_error(reply, "unknown: no such request");
}

const struct reply *dialogue_answer(char *line, size_t length,
				    void (*execute)(const struct words *words, struct reply *reply))
{
	struct words words;
	uint64_t sequence;

	if (!frame_is_good(line, length) || !words_split(line, &words) || words.count < 2U ||
	    !parse_hex(words.word[0], &sequence) || sequence == 0U) {
		return refusal();
	}
	if (sequence != last_sequence) { /* else it is a repetition: the answer is there, and must not change */
		begin(&answer, sequence);
		words.count--;
		for (unsigned int i = 0; i < words.count; i++) {
			words.word[i] = words.word[i + 1U];
		}
		execute(&words, &answer);
		end(&answer);
		last_sequence = sequence;
	}
	return &answer;
}
