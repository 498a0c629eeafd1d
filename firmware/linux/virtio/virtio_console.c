/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio console with registers in memory (virtio 1.2, 4.2 and 5.3). The guest's driver writes everything that is
 * read here, at any time and from other CPUs: lengths, addresses and indices are checked each time, and a driver that
 * breaks the rules finds its device reset.
 */
#include "virtio_console.h"

#include <stddef.h>

/* virtio 1.2, 4.2.2: registers. */
#define REG_MAGIC 0x000
#define REG_VERSION 0x004
#define REG_DEVICE 0x008
#define REG_VENDOR 0x00C
#define REG_DEVICE_FEATURES 0x010
#define REG_DEVICE_FEATURES_SELECT 0x014
#define REG_QUEUE_SELECT 0x030
#define REG_QUEUE_SIZE_MAX 0x034
#define REG_QUEUE_SIZE 0x038
#define REG_QUEUE_READY 0x044
#define REG_QUEUE_NOTIFY 0x050
#define REG_INTERRUPT_STATUS 0x060
#define REG_INTERRUPT_ACK 0x064
#define REG_STATUS 0x070
#define REG_QUEUE_DESCRIPTORS 0x080
#define REG_QUEUE_AVAILABLE 0x090
#define REG_QUEUE_USED 0x0A0

#define MAGIC 0x74726976 /* "virt" */
#define VERSION 2
#define DEVICE_CONSOLE 3
#define VENDOR 0x204C4948       /* "HIL " */
#define FEATURES_HIGH (1u << 0) /* bit 32: VIRTIO_F_VERSION_1 */
#define INTERRUPT_USED (1u << 0)
#define DESCRIPTOR_NEXT (1u << 0)

#define QUEUE_SIZE_MAX 128u

/* 2.7: split virtqueues, all little endian, and the alignment of their parts. */
struct virtio_descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

struct virtio_available {
	uint16_t flags;
	uint16_t index;
	uint16_t ring[QUEUE_SIZE_MAX];
};

struct virtio_used {
	uint16_t flags;
	uint16_t index;
	struct {
		uint32_t id;
		uint32_t length;
	} ring[QUEUE_SIZE_MAX];
};

#define DESCRIPTORS_ALIGNMENT 16u
#define AVAILABLE_ALIGNMENT 2u
#define USED_ALIGNMENT 4u

static void set_interrupts(struct virtio_console *console, uint32_t interrupts)
{
	console->interrupts = interrupts;
	console->host->interrupt(console->context, interrupts != 0);
}

static void reset(struct virtio_console *console)
{
	for (size_t i = 0; i < VIRTIO_QUEUES; i++)
		console->queues[i] = (struct virtio_queue){0};
	console->status = 0;
	set_interrupts(console, 0);
}

static void refuse(struct virtio_console *console, const char *how)
{
	reset(console);
	console->host->broken(console->context, how);
}

/* Acquire: the ring entry and the descriptors that the index announces are read after it. */
static bool offers(const struct virtio_queue *queue)
{
	return queue->used != NULL && __atomic_load_n(&queue->available->index, __ATOMIC_ACQUIRE) != queue->seen;
}

/* The next buffer that the guest offers. */
static uint16_t take(struct virtio_queue *queue)
{
	return queue->available->ring[queue->seen++ % queue->size];
}

/* Release: the driver sees the entry, and what is in its buffer, before the index that announces it. */
static void give_back(struct virtio_queue *queue, uint16_t head, uint32_t length)
{
	uint16_t index = queue->used->index;

	queue->used->ring[index % queue->size].id = head;
	queue->used->ring[index % queue->size].length = length;
	__atomic_store_n(&queue->used->index, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

/*
 * Returns the memory of one descriptor, or NULL after it has reset the device, if the descriptor is not in the table or
 * its memory not in RAM. The descriptor is copied first, because the guest may change it.
 */
static void *buffer(struct virtio_console *console, const struct virtio_queue *queue, uint16_t number,
		    struct virtio_descriptor *descriptor)
{
	void *memory = NULL;

	if (number < queue->size) {
		*descriptor = queue->descriptors[number];
		memory = console->host->memory(console->context, descriptor->address, descriptor->length);
	}
	if (memory == NULL)
		refuse(console, "a buffer outside of its queue, or of RAM");
	return memory;
}

static void transmit(struct virtio_console *console)
{
	struct virtio_queue *queue = &console->queues[VIRTIO_TRANSMIT];
	bool any = false;

	for (; offers(queue); any = true) {
		uint16_t head = take(queue);
		struct virtio_descriptor descriptor = {.flags = DESCRIPTOR_NEXT, .next = head};

		/* At most as many as the table has: a chain can lead back to itself. */
		for (uint32_t i = 0; i < queue->size && descriptor.flags & DESCRIPTOR_NEXT; i++) {
			const void *memory = buffer(console, queue, descriptor.next, &descriptor);

			if (memory == NULL)
				return;
			console->host->say(console->context, memory, descriptor.length);
		}
		if (queue->used == NULL)
			return; /* say() lets go of the lock, and another processor has reset the device meanwhile */
		give_back(queue, head, 0);
	}
	if (any)
		set_interrupts(console, console->interrupts | INTERRUPT_USED);
}

bool virtio_console_wants_input(const struct virtio_console *console)
{
	return offers(&console->queues[VIRTIO_RECEIVE]);
}

struct virtio_room virtio_console_room(struct virtio_console *console)
{
	struct virtio_queue *queue = &console->queues[VIRTIO_RECEIVE];
	struct virtio_room room = {0};
	struct virtio_descriptor descriptor = {0};

	if (!offers(queue))
		return room;
	room.head = take(queue);
	room.memory = buffer(console, queue, room.head, &descriptor);
	room.length = descriptor.length;
	return room;
}

void virtio_console_filled(struct virtio_console *console, const struct virtio_room *room, uint32_t length)
{
	give_back(&console->queues[VIRTIO_RECEIVE], room->head, length);
	set_interrupts(console, console->interrupts | INTERRUPT_USED);
}

/* Returns the memory of a part of a queue, or NULL if it is unaligned or not in RAM. */
static void *part(const struct virtio_console *console, uint64_t address, uint64_t bytes, uint64_t alignment)
{
	return address % alignment == 0 ? console->host->memory(console->context, address, bytes) : NULL;
}

static void set_ready(struct virtio_console *console, struct virtio_queue *queue, bool ready)
{
	queue->used = NULL;
	if (!ready)
		return;
	if (queue->size == 0 || queue->size > QUEUE_SIZE_MAX) {
		refuse(console, "a queue of a size that there is not");
		return;
	}

	uint64_t table_bytes = queue->size * sizeof(struct virtio_descriptor);
	struct virtio_used *used = part(console, queue->used_address, sizeof(struct virtio_used), USED_ALIGNMENT);

	queue->descriptors = part(console, queue->descriptors_address, table_bytes, DESCRIPTORS_ALIGNMENT);
	queue->available =
		part(console, queue->available_address, sizeof(struct virtio_available), AVAILABLE_ALIGNMENT);
	queue->seen = 0;
	if (used == NULL || queue->descriptors == NULL || queue->available == NULL)
		refuse(console, "a queue outside of RAM");
	else
		queue->used = used;
}

uint32_t virtio_console_read(const struct virtio_console *console, uint64_t offset)
{
	bool exists = console->selected_queue < VIRTIO_QUEUES;

	switch (offset) {
	case REG_MAGIC:
		return MAGIC;
	case REG_VERSION:
		return VERSION;
	case REG_DEVICE:
		return DEVICE_CONSOLE;
	case REG_VENDOR:
		return VENDOR;
	case REG_DEVICE_FEATURES:
		return console->selected_features == 1 ? FEATURES_HIGH : 0;
	case REG_QUEUE_SIZE_MAX:
		return exists ? QUEUE_SIZE_MAX : 0;
	case REG_QUEUE_READY:
		return exists && console->queues[console->selected_queue].used != NULL;
	case REG_INTERRUPT_STATUS:
		return console->interrupts;
	case REG_STATUS:
		return console->status;
	default:
		return 0;
	}
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
	*address = high ? (*address & UINT32_MAX) | (uint64_t)value << 32 : (*address & ~(uint64_t)UINT32_MAX) | value;
}

/* While a queue is ready its size and addresses cannot change: they have been checked. */
static void write_queue(struct virtio_console *console, struct virtio_queue *queue, uint64_t offset, uint32_t value)
{
	bool high = offset & sizeof(uint32_t);

	if (queue->used != NULL && offset != REG_QUEUE_READY)
		return;
	switch (offset) {
	case REG_QUEUE_SIZE:
		queue->size = value;
		break;
	case REG_QUEUE_READY:
		set_ready(console, queue, value & 1);
		break;
	case REG_QUEUE_DESCRIPTORS:
	case REG_QUEUE_DESCRIPTORS + sizeof(uint32_t):
		set_half(&queue->descriptors_address, high, value);
		break;
	case REG_QUEUE_AVAILABLE:
	case REG_QUEUE_AVAILABLE + sizeof(uint32_t):
		set_half(&queue->available_address, high, value);
		break;
	case REG_QUEUE_USED:
	case REG_QUEUE_USED + sizeof(uint32_t):
		set_half(&queue->used_address, high, value);
		break;
	default:
		break;
	}
}

void virtio_console_write(struct virtio_console *console, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case REG_DEVICE_FEATURES_SELECT:
		console->selected_features = value;
		break;
	case REG_QUEUE_SELECT:
		console->selected_queue = value;
		break;
	case REG_QUEUE_NOTIFY:
		if (value == VIRTIO_TRANSMIT)
			transmit(console);
		break;
	case REG_INTERRUPT_ACK:
		set_interrupts(console, console->interrupts & ~value);
		break;
	case REG_STATUS:
		console->status = value;
		if (value == 0)
			reset(console);
		break;
	default:
		if (console->selected_queue < VIRTIO_QUEUES)
			write_queue(console, &console->queues[console->selected_queue], offset, value);
		break;
	}
}
