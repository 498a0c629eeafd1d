/* SPDX-License-Identifier: BSD-3-Clause */

#include "dialogue.h"

#include "codec.h"

#define CRC_DIGITS 8U

static struct reply answer;
static uint64_t last_sequence; /* 0: none yet */

/* Checks and cuts off " *<crc>". */
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

/* Without a good frame there is no telling what was asked: sequence 0 belongs to no request. */
static const struct reply *refusal(void)
{
	static struct reply refused;

	begin(&refused, 0);
	reply_text(&refused, "nak");
	end(&refused);
	return &refused;
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
	if (sequence != last_sequence) {
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
