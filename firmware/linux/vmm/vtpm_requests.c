/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the dialogue about the VM's vTPMs. README.md lists their arguments and answers.
 */
#include "vtpm_requests.h"

#include "agent_abi.h"
#include "vtpm.h"
#include "vtpm_abi.h"
#include "vtpm_ioctl.h"

static void conclude(int64_t status, const uint64_t *values, unsigned int count, struct reply *reply)
{
	const uint64_t shown = (uint64_t)status;

	reply_numbers(reply, &shown, 1);
	if (status == VTPM_OK)
		reply_numbers(reply, values, count);
}

/* Reads an index and more numbers. An index that no instance can have is refused here, as the service would. */
static bool numbers(const struct words *words, unsigned int count, uint64_t *values, struct reply *reply)
{
	if (!words_numbers(words, 1, count, values, reply))
		return false;
	if (values[0] <= VTPM_MAX_INDEX)
		return true;
	conclude(VTPM_E_BAD_REQUIREMENT, NULL, 0, reply);
	return false;
}

/* vtpm-create <index> <slots> <requirements> <ipa> */
void request_vtpm_create(const struct words *words, struct reply *reply)
{
	uint64_t asked[4];

	if (!numbers(words, 4, asked, reply))
		return;

	uint32_t slots = asked[1] <= UINT32_MAX ? (uint32_t)asked[1] : UINT32_MAX; /* too many either way */

	conclude(vtpm_create((uint32_t)asked[0], slots, asked[2], ipa_make(asked[3])), NULL, 0, reply);
}

/* vtpm-place <index> <ipa, or 0> */
void request_vtpm_place(const struct words *words, struct reply *reply)
{
	uint64_t asked[2];

	if (numbers(words, 2, asked, reply))
		conclude(vtpm_place((uint32_t)asked[0], ipa_make(asked[1])), NULL, 0, reply);
}

void request_vtpm_reset(const struct words *words, struct reply *reply)
{
	uint64_t index;

	if (numbers(words, 1, &index, reply))
		conclude(vtpm_reset((uint32_t)index), NULL, 0, reply);
}

void request_vtpm_destroy(const struct words *words, struct reply *reply)
{
	uint64_t index;

	if (numbers(words, 1, &index, reply))
		conclude(vtpm_destroy((uint32_t)index), NULL, 0, reply);
}

/* vtpm-info <index> -> state, VM id, queue's PA and bytes, commands, requirements, as INFO of vtpm_abi.h */
void request_vtpm_info(const struct words *words, struct reply *reply)
{
	struct vtpm_info info;
	uint64_t index;

	if (!numbers(words, 1, &index, reply))
		return;

	int64_t status = vtpm_info((uint32_t)index, &info);
	const uint64_t values[] = {info.state, info.vm, info.queue, info.queue_bytes, info.commands, info.requirements};

	conclude(status, values, sizeof(values) / sizeof(values[0]), reply);
}

/* vtpm-queue <index> <offset> <bytes> -> what lies in the queue, as this process sees it */
void request_vtpm_queue(const struct words *words, struct reply *reply)
{
	uint64_t asked[3];

	if (!numbers(words, 3, asked, reply))
		return;

	size_t bytes = vtpm_queue_bytes((uint32_t)asked[0]);

	if (asked[1] > bytes || asked[2] > bytes - asked[1] || asked[2] > AGENT_DATA_BYTES) {
		reply_error(reply, "argument: beyond the queue");
		return;
	}
	reply_text(reply, " ");
	reply_base64(reply, (const uint8_t *)vtpm_queue((uint32_t)asked[0]) + asked[1], asked[2]);
}
