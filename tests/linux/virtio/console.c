/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio console with a driver that is this program: `console PROMISE` ends with status 0 if the promise is kept.
 */
#include "virtio_console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMISE(kept)                                                                                                  \
	do {                                                                                                           \
		if (!(kept)) {                                                                                         \
			fprintf(stderr, "line %d: %s\n", __LINE__, #kept);                                             \
			exit(EXIT_FAILURE);                                                                            \
		}                                                                                                      \
	} while (false)

#define RAM 0x40000000u
#define RAM_BYTES 0x8000u
#define DESCRIPTORS 0x0000u
#define AVAILABLE 0x1000u
#define USED 0x2000u
#define BUFFER 0x3000u
#define QUEUE_SIZE 8u

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

/* On the heap, so that the sanitizer sees the first byte beyond it. */
static uint8_t *ram;
static char said[64];
static size_t said_bytes;
static bool level;
static unsigned int complaints;

static void *memory(void *context, uint64_t address, uint64_t bytes)
{
	uint64_t offset = address - RAM;

	(void)context;
	return offset < RAM_BYTES && bytes <= RAM_BYTES - offset ? ram + offset : NULL;
}

static void say(void *context, const void *bytes, uint32_t length)
{
	const uint8_t *from = bytes;

	(void)context;
	for (uint32_t i = 0; i < length; i++) {
		said[said_bytes++ % sizeof(said)] = (char)from[i];
	}
}

static void interrupt(void *context, bool now)
{
	(void)context;
	level = now;
}

static void broken(void *context, const char *how)
{
	(void)context;
	(void)how;
	complaints++;
}

static const struct virtio_host host = {memory, say, interrupt, broken};
static struct virtio_console console = {.host = &host};

static void write16(uint32_t offset, uint16_t value)
{
	memcpy(ram + offset, &value, sizeof(value));
}

static uint16_t read16(uint32_t offset)
{
	uint16_t value;

	memcpy(&value, ram + offset, sizeof(value));
	return value;
}

static void describe(uint32_t number, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	const struct descriptor descriptor = {address, length, flags, next};

	memcpy(ram + DESCRIPTORS + number * sizeof(descriptor), &descriptor, sizeof(descriptor));
}

static void set_up(uint32_t queue, uint32_t size, uint64_t descriptors, uint64_t available, uint64_t used)
{
	virtio_console_write(&console, 0x030, queue);
	virtio_console_write(&console, 0x038, size);
	virtio_console_write(&console, 0x080, (uint32_t)descriptors);
	virtio_console_write(&console, 0x084, (uint32_t)(descriptors >> 32));
	virtio_console_write(&console, 0x090, (uint32_t)available);
	virtio_console_write(&console, 0x094, (uint32_t)(available >> 32));
	virtio_console_write(&console, 0x0A0, (uint32_t)used);
	virtio_console_write(&console, 0x0A4, (uint32_t)(used >> 32));
	virtio_console_write(&console, 0x044, 1);
}

static void offer(uint32_t queue, uint16_t head)
{
	uint16_t index = read16(AVAILABLE + 2);

	write16(AVAILABLE + 4 + index % QUEUE_SIZE * 2u, head);
	write16(AVAILABLE + 2, (uint16_t)(index + 1));
	virtio_console_write(&console, 0x050, queue);
}

static bool ready(void)
{
	return virtio_console_read(&console, 0x044) == 1;
}

static void output(void)
{
	set_up(VIRTIO_TRANSMIT, QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED);
	memcpy(ram + BUFFER, "hello, world", 12);
	describe(0, RAM + BUFFER, 7, 1, 3);
	describe(3, RAM + BUFFER + 7, 5, 0, 0);
	offer(VIRTIO_TRANSMIT, 0);
	PROMISE(said_bytes == 12 && memcmp(said, "hello, world", 12) == 0);
	PROMISE(read16(USED + 2) == 1 && read16(USED + 4) == 0);
	PROMISE(level && virtio_console_read(&console, 0x060) == 1);
	virtio_console_write(&console, 0x064, 1);
	PROMISE(!level && complaints == 0);
}

static void input(void)
{
	set_up(VIRTIO_RECEIVE, QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED);
	PROMISE(!virtio_console_wants_input(&console));
	describe(2, RAM + BUFFER, 16, 2, 0);
	offer(VIRTIO_RECEIVE, 2);
	PROMISE(virtio_console_wants_input(&console));

	struct virtio_room room = virtio_console_room(&console);

	PROMISE(room.memory == ram + BUFFER && room.length == 16);
	virtio_console_filled(&console, &room, 3);
	PROMISE(read16(USED + 2) == 1 && read16(USED + 4) == 2 && read16(USED + 8) == 3 && level);
	PROMISE(!virtio_console_wants_input(&console) && virtio_console_room(&console).memory == NULL);
}

static void queues(void)
{
	static const struct {
		uint32_t size;
		uint64_t descriptors, available, used;
	} wrong[] = {
		{0, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED},
		{129, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED},
		{UINT32_MAX, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED},
		{QUEUE_SIZE, RAM + DESCRIPTORS + 8, RAM + AVAILABLE, RAM + USED},
		{QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE + 1, RAM + USED},
		{QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED + 2},
		{QUEUE_SIZE, RAM + RAM_BYTES - 16, RAM + AVAILABLE, RAM + USED},
		{QUEUE_SIZE, RAM + DESCRIPTORS, RAM + RAM_BYTES - 16, RAM + USED},
		{QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + RAM_BYTES - 16},
		{QUEUE_SIZE, UINT64_MAX - 15, RAM + AVAILABLE, RAM + USED},
		{QUEUE_SIZE, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		set_up(VIRTIO_TRANSMIT, wrong[i].size, wrong[i].descriptors, wrong[i].available, wrong[i].used);
		PROMISE(complaints == i + 1 && !ready());
	}
	set_up(VIRTIO_TRANSMIT, QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED);
	virtio_console_write(&console, 0x038, 0);
	virtio_console_write(&console, 0x084, UINT32_MAX);
	write16(AVAILABLE + 4, 0);
	describe(0, RAM + BUFFER, 1, 0, 0);
	offer(VIRTIO_TRANSMIT, 0);
	PROMISE(ready() && said_bytes == 1);
	set_up(2, QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED);
	PROMISE(!ready() && virtio_console_read(&console, 0x034) == 0);
}

static void buffers(void)
{
	static const struct {
		uint16_t head;
		uint64_t address;
		uint32_t length;
	} wrong[] = {
		{QUEUE_SIZE, RAM + BUFFER, 1},
		{UINT16_MAX, RAM + BUFFER, 1},
		{0, RAM - 1, 1},
		{0, RAM + RAM_BYTES, 1},
		{0, RAM + RAM_BYTES - 1, 2},
		{0, RAM + BUFFER, UINT32_MAX},
		{0, UINT64_MAX, 1},
	};

	for (uint32_t queue = 0; queue < VIRTIO_QUEUES; queue++) {
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
			memset(ram, 0, RAM_BYTES);
			set_up(queue, QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED);
			describe(0, wrong[i].address, wrong[i].length, 0, 0);
			offer(queue, wrong[i].head);
			PROMISE(virtio_console_room(&console).memory == NULL);
			PROMISE(!ready() && said_bytes == 0 && read16(USED + 2) == 0);
		}
	}
	PROMISE(complaints == VIRTIO_QUEUES * sizeof(wrong) / sizeof(wrong[0]));
}

/* A chain that bites its tail ends, too. */
static void chains(void)
{
	set_up(VIRTIO_TRANSMIT, QUEUE_SIZE, RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED);
	describe(0, RAM + BUFFER, 1, 1, 0);
	offer(VIRTIO_TRANSMIT, 0);
	PROMISE(said_bytes == QUEUE_SIZE && read16(USED + 2) == 1);
}

/* Rings, buffers and accesses to registers by chance, some of them good: the sanitizers judge. */
static void anything(void)
{
	srand(1);
	for (unsigned int round = 0; round < 20000; round++) {
		for (uint32_t i = 0; i < QUEUE_SIZE; i++) {
			describe(i, RAM + (uint32_t)rand() % (RAM_BYTES + 64), (uint32_t)rand() % 256, rand() & 1,
				 (uint16_t)(rand() % (QUEUE_SIZE + 1)));
			write16(AVAILABLE + 4 + i * 2, (uint16_t)(rand() % (QUEUE_SIZE + 1)));
		}
		set_up(round % VIRTIO_QUEUES, (uint32_t)rand() % (QUEUE_SIZE + 2), RAM + DESCRIPTORS, RAM + AVAILABLE,
		       RAM + USED);
		write16(AVAILABLE + 2, (uint16_t)(rand() % (QUEUE_SIZE + 2)));
		for (unsigned int i = 0; i < 4; i++) {
			virtio_console_write(&console, (uint32_t)rand() & 0xFC, (uint32_t)rand() & 3);
			(void)virtio_console_read(&console, (uint32_t)rand() & 0xFC);
		}
		virtio_console_write(&console, 0x050, VIRTIO_TRANSMIT);

		struct virtio_room room = virtio_console_room(&console);

		if (room.memory != NULL) {
			memset(room.memory, 0, room.length);
			virtio_console_filled(&console, &room, room.length);
		}
	}
	PROMISE(complaints > 0 && said_bytes > 0);
}

int main(int count, char **words)
{
	static const struct {
		const char *name;
		void (*check)(void);
	} promises[] = {{"output", output},   {"input", input},   {"queues", queues},
			{"buffers", buffers}, {"chains", chains}, {"anything", anything}};

	ram = calloc(1, RAM_BYTES);
	for (size_t i = 0; ram != NULL && count == 2 && i < sizeof(promises) / sizeof(promises[0]); i++) {
		if (strcmp(words[1], promises[i].name) == 0) {
			promises[i].check();
			free(ram);
			return EXIT_SUCCESS;
		}
	}
	return EXIT_FAILURE;
}
