/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine that obeys engine_abi.h and can be told to misbehave. */
#include <string.h>

#include "host.h"

#define DATA_OFFSET 0x4000
#define IMAGE_OFFSET 0x20000
#define STAGING_OFFSET 0x40000
#define STAGING_BYTES 0x10000
#define GUARD_OFFSET 0xe0000
#define DATA_MARK 0x7e57da7a
#define GROWN_IMAGE_BYTES 0x8000
#define REQUEST_CODE_OFFSET 6

struct toy_state {
	uint32_t mark; /* .data: proves that the window was prepared */
	uint32_t grown;
	uint32_t misplaced; /* the next image lies outside of the window */
	uint32_t claimed;   /* the next image says that it has one byte less than this */
	uint32_t spoiled;   /* the next image cannot be resumed */
	struct toy_answer answer;
};

static const struct toy_state initial = {.mark = DATA_MARK};

struct engine_header host_engine_header(void)
{
	return (struct engine_header){
		.magic = ENGINE_MAGIC,
		.abi_version = ENGINE_ABI_VERSION,
		.header_bytes = sizeof(struct engine_header),
		.text_va = 0x0e100000,
		.text_bytes = 0x4000,
		.rodata_va = 0x0e104000,
		.rodata_bytes = 0x2000,
		.data_init_va = 0x0e105000,
		.data_va = ENGINE_WINDOW_VA + DATA_OFFSET,
		.data_bytes = sizeof(struct toy_state),
		.guard_va = ENGINE_WINDOW_VA + GUARD_OFFSET,
		.stack_top = ENGINE_WINDOW_VA + ENGINE_WINDOW_BYTES,
		.mailbox_va = ENGINE_WINDOW_VA,
		.staging_va = ENGINE_WINDOW_VA + STAGING_OFFSET,
		.staging_bytes = STAGING_BYTES,
		.entry = 0x0e100100,
		.calls_va = 0x0e100200,
	};
}

const void *port_engine_memory(struct va va)
{
	(void)va;
	return &initial;
}

static uint32_t code_of(const uint8_t *request)
{
	const uint8_t *code = request + REQUEST_CODE_OFFSET;

	return (uint32_t)code[0] << 24 | (uint32_t)code[1] << 16 | (uint32_t)code[2] << 8 | code[3];
}

static enum engine_status execute(struct engine_mailbox *mailbox, struct toy_state *state)
{
	static const uint8_t header[VTPM_TPM_HEADER_BYTES] = {0x80, 0x01, 0, 0, 0, 10 + sizeof(struct toy_answer)};

	if (mailbox->request_bytes < VTPM_TPM_HEADER_BYTES || mailbox->request_bytes > ENGINE_BUFFER_BYTES) {
		return ENGINE_BAD_ARGUMENT;
	}
	seen.cancelled += mailbox->cancel;
	seen.request_bytes = mailbox->request_bytes;
	memcpy(seen.request, mailbox->request, mailbox->request_bytes);
	state->answer.commands++;
	switch (code_of(mailbox->request)) {
	case TOY_GIVES_UP:
		return ENGINE_FATAL;
	case TOY_RETURNS_NONSENSE:
		return (enum engine_status)77;
	case TOY_OVERLONG:
		mailbox->response_bytes = ENGINE_BUFFER_BYTES + 1;
		return ENGINE_OK;
	case TOY_GROWS:
		state->grown = 1;
		break;
	case TOY_BREAKS_IMAGE:
		state->misplaced = 1;
		break;
	case TOY_EMPTIES_IMAGE:
		state->claimed = 1;
		break;
	case TOY_FILLS_STAGING:
		state->claimed = 1 + STAGING_BYTES;
		break;
	case TOY_OVERFLOWS_STAGING:
		state->claimed = 1 + STAGING_BYTES + 1;
		break;
	case TOY_SPOILS_IMAGE:
		state->spoiled = 1;
		break;
	default:
		break;
	}
	memcpy(mailbox->response, header, sizeof(header));
	memcpy(mailbox->response + sizeof(header), &state->answer, sizeof(state->answer));
	mailbox->response_bytes = sizeof(header) + sizeof(state->answer);
	return ENGINE_OK;
}

static enum engine_status suspend(struct engine_mailbox *mailbox, struct toy_state *state, uint8_t *window)
{
	memcpy(window + IMAGE_OFFSET, state, sizeof(*state));
	mailbox->image_va = ENGINE_WINDOW_VA + IMAGE_OFFSET;
	mailbox->image_bytes = state->grown ? GROWN_IMAGE_BYTES : sizeof(*state);
	if (state->misplaced) {
		mailbox->image_va = ENGINE_WINDOW_VA + ENGINE_WINDOW_BYTES - 1;
	}
	if (state->claimed) {
		mailbox->image_bytes = state->claimed - 1;
	}
	if (state->spoiled) {
		memset(window + IMAGE_OFFSET, 0, sizeof(state->mark));
	}
	return ENGINE_OK;
}

/* Asks the service as the real engine does, by number and with addresses of its own. */
static enum engine_status draw_seed(unsigned int window)
{
	const uint64_t x[2] = {
		ENGINE_WINDOW_VA + DATA_OFFSET + offsetof(struct toy_state, answer.seed),
		sizeof(((struct toy_state *)0)->answer.seed),
	};
	uint64_t failed;

	if (!vtpm_engine_call(window, ENGINE_CALL_ENTROPY, x, &failed)) {
		return ENGINE_FATAL;
	}
	return failed ? ENGINE_NO_ENTROPY : ENGINE_OK;
}

enum engine_status toy_engine(unsigned int window, uint8_t *memory)
{
	struct engine_mailbox *mailbox = (struct engine_mailbox *)(void *)memory;
	struct toy_state *state = (struct toy_state *)(void *)(memory + DATA_OFFSET);

	if (state->mark != DATA_MARK) {
		return ENGINE_FATAL;
	}
	switch (mailbox->op) {
	case ENGINE_MANUFACTURE:
		state->answer.profile = mailbox->profile;
		return draw_seed(window);
	case ENGINE_EXECUTE:
		return execute(mailbox, state);
	case ENGINE_SUSPEND:
		return suspend(mailbox, state, memory);
	case ENGINE_RESUME:
		memcpy(state, memory + STAGING_OFFSET, sizeof(*state));
		return state->mark == DATA_MARK ? ENGINE_OK : ENGINE_BAD_STATE;
	case ENGINE_RESET:
		state->answer.resets++;
		return ENGINE_OK;
	default:
		return ENGINE_BAD_ARGUMENT;
	}
}
