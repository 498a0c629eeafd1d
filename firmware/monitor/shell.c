/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shell: one request per line. A line that begins with ':' comes from a program (dialogue.h), any other from a
 * person.
 */
#include "shell.h"

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "console.h"
#include "dialogue.h"

#define LINE_BYTES 0x18000U /* the longest request: a program of full length with all of its data, in base64 */
#define PROMPT "monitor> "
#define BACKSPACE 0x08U
#define DELETE 0x7FU

struct line {
	bool machine;
	bool overflow;
	size_t length;
	char text[LINE_BYTES + 1U];
};

static struct line line;

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

/* A person sees what was typed, and can take back the last character. Other control characters are ignored. */
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

/*
 * A ':' always begins a request and drops what the line had before: noise, or the start of a request whose sender has
 * given up. Neither base64 nor a command's name contains one.
 */
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

static void execute(const struct words *words, struct reply *reply)
{
	command_run(machine_commands, words, reply);
}

static void serve_program(void)
{
	/* A line that was too long is passed on as empty, which no frame check accepts. */
	const struct reply *answer = dialogue_answer(line.text, line.overflow ? 0U : line.length, execute);

	console_put_bytes(answer->text, answer->length);
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
	console_put("\nmonitor: ready, build " BUILD_ID "\n" PROMPT);
	for (;;) {
		read_line();
		if (line.machine) {
			serve_program();
		} else {
			serve_person();
		}
	}
}
