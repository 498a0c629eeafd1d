/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request per line. A line that begins with ':' comes from a program and has a sequence number and a CRC; it is
 * executed at most once, and answered as often as it is repeated. Any other line comes from a person.
 */
#include "shell.h"

#include <stdbool.h>
#include <stdint.h>

#include "codec.h"
#include "command.h"
#include "console.h"

#define LINE_BYTES 0x18000U
#define PROMPT "monitor> "
#define CRC_DIGITS 8U
#define BACKSPACE 0x08U
#define DELETE 0x7FU

struct line {
	bool machine;
	bool overflow;
	size_t length;
	char text[LINE_BYTES + 1U];
};

static struct line line;
static struct reply reply;
static uint64_t last_sequence;
static bool has_last;

static void clear(bool machine)
{
	line.length = 0;
	line.overflow = false;
	line.machine = machine;
}

static void add(uint8_t byte)
{
	if (line.length < LINE_BYTES) {
		line.text[line.length++] = (char)byte;
	} else {
		line.overflow = true;
	}
}

static void edit(uint8_t byte)
{
	if (byte == BACKSPACE || byte == DELETE) {
		if (line.length > 0U) {
			line.length--;
			console_put("\b \b");
		}
	} else if (byte >= ' ' && byte < DELETE) {
		add(byte);
		console_put_bytes(&byte, 1);
	}
}

/* A ':' always begins a request: what was there before was noise. */
static void read_line(void)
{
	clear(false);
	for (;;) {
		uint8_t byte = console_get();

		if (byte == '\n' || byte == '\r') {
			line.text[line.length] = '\0';
			return;
		}
		if (byte == ':') {
			clear(true);
		} else if (line.machine) {
			add(byte);
		} else {
			edit(byte);
		}
	}
}

/* Checks and cuts off " *<crc>". */
static bool frame_is_good(void)
{
	uint64_t crc;
	size_t body = line.length - CRC_DIGITS - 2U;

	if (line.overflow || line.length < CRC_DIGITS + 2U || line.text[body] != ' ' || line.text[body + 1U] != '*' ||
	    !parse_hex(&line.text[body + 2U], &crc) || crc32(line.text, body) != crc) {
		return false;
	}
	line.text[body] = '\0';
	return true;
}

static void send_frame(const struct reply *answer)
{
	char digits[CRC_DIGITS];
	uint32_t crc = crc32(answer->text, answer->length);

	for (unsigned int i = CRC_DIGITS; i > 0U; i--, crc >>= 4U) {
		digits[i - 1U] = "0123456789abcdef"[crc % 16U];
	}
	console_put_bytes("=", 1);
	console_put_bytes(answer->text, answer->length);
	console_put_bytes(" *", 2);
	console_put_bytes(digits, CRC_DIGITS);
	console_put_bytes("\n", 1);
}

/* Without a good frame there is no telling what was asked: sequence 0 belongs to no request. */
static void refuse_frame(void)
{
	static struct reply refusal;

	reply_begin(&refusal);
	reply_text(&refusal, "0 nak");
	send_frame(&refusal);
}

static void serve_program(void)
{
	struct words words;
	uint64_t sequence;

	if (!frame_is_good() || !words_split(line.text, &words) || words.count < 2U ||
	    !parse_hex(words.word[0], &sequence) || sequence == 0U) {
		refuse_frame();
		return;
	}
	if (!has_last || sequence != last_sequence) {
		reply_begin(&reply);
		reply_hex(&reply, sequence);
		reply_text(&reply, " ");
		reply_keep(&reply);
		words.count--;
		for (unsigned int i = 0; i < words.count; i++) {
			words.word[i] = words.word[i + 1U];
		}
		command_run(machine_commands, &words, &reply);
		last_sequence = sequence;
		has_last = true;
	}
	send_frame(&reply);
}

static void serve_person(void)
{
	static struct reply answer;
	struct words words;

	console_put("\n");
	if (words_split(line.text, &words) && words.count > 0U) {
		reply_begin(&answer);
		command_run(human_commands, &words, &answer);
		answer.text[answer.length < REPLY_BYTES ? answer.length : REPLY_BYTES - 1U] = '\0';
		console_put(answer.text);
		console_put("\n");
	}
	console_put(PROMPT);
}

_Noreturn void shell_run(void)
{
	console_put("\nmonitor: ready\n" PROMPT);
	for (;;) {
		read_line();
		if (line.machine) {
			serve_program();
		} else {
			serve_person();
		}
	}
}
