/* SPDX-License-Identifier: BSD-3-Clause */
#include "console.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "failure.h"

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

enum { RECEIVE, TRANSMIT, QUEUES };

/* 2.7: split virtqueues, all little endian. */
struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

struct available {
	uint16_t flags;
	uint16_t index;
	uint16_t ring[QUEUE_SIZE_MAX];
};

struct used {
	uint16_t flags;
	uint16_t index;
	struct {
		uint32_t id;
		uint32_t length;
	} ring[QUEUE_SIZE_MAX];
};

struct queue {
	uint64_t descriptors_address;
	uint64_t available_address;
	uint64_t used_address;
	uint32_t size;
	/* Set while the queue is ready. */
	const struct descriptor *descriptors;
	const struct available *available;
	struct used *used;
	uint16_t seen; /* entries of `available` that were taken */
};

static struct {
	pthread_mutex_t lock;
	struct vm *vm;
	int event;
	struct queue queues[QUEUES];
	uint32_t selected_queue;
	uint32_t selected_features;
	uint32_t interrupts;
	uint32_t status;
} console = {.lock = PTHREAD_MUTEX_INITIALIZER};

void console_create(struct vm *vm)
{
	console.vm = vm;
	console.event = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "creating an event");
}

int console_event(void)
{
	return console.event;
}

static void set_interrupts(uint32_t interrupts)
{
	console.interrupts = interrupts;
	vm_interrupt(console.vm, CONSOLE_INTERRUPT, interrupts != 0);
}

/* Takes the next buffer that the guest offers. False: there is none. */
static bool take(struct queue *queue, uint16_t *head)
{
	if (queue->used == NULL || __atomic_load_n(&queue->available->index, __ATOMIC_ACQUIRE) == queue->seen)
		return false;
	*head = queue->available->ring[queue->seen++ % queue->size];
	return true;
}

static void give_back(struct queue *queue, uint16_t head, uint32_t length)
{
	uint16_t index = queue->used->index;

	queue->used->ring[index % queue->size].id = head;
	queue->used->ring[index % queue->size].length = length;
	__atomic_store_n(&queue->used->index, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

/* The memory of one descriptor, which the guest can have made up. */
static void *buffer(const struct queue *queue, uint16_t number, struct descriptor *descriptor)
{
	if (number >= queue->size)
		refuse("the guest's console uses descriptor %u of %u", number, queue->size);
	*descriptor = queue->descriptors[number];

	void *memory = vm_memory(console.vm, descriptor->address, descriptor->length);

	if (memory == NULL)
		refuse("the guest's console has a buffer outside of RAM, at 0x%llx",
		       (unsigned long long)descriptor->address);
	return memory;
}

static void write_all(const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, length);

		if (written < 0 && errno != EINTR)
			fail("writing what the guest says");
		if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		}
	}
}

static void transmit(void)
{
	struct queue *queue = &console.queues[TRANSMIT];
	bool any = false;
	uint16_t head;

	for (; take(queue, &head); any = true) {
		struct descriptor descriptor = {.flags = DESCRIPTOR_NEXT, .next = head};

		for (uint32_t i = 0; i < queue->size && descriptor.flags & DESCRIPTOR_NEXT; i++) {
			const void *memory = buffer(queue, descriptor.next, &descriptor);

			write_all(memory, descriptor.length);
		}
		give_back(queue, head, 0);
	}
	if (any)
		set_interrupts(console.interrupts | INTERRUPT_USED);
}

bool console_wants_input(void)
{
	const struct queue *queue = &console.queues[RECEIVE];

	pthread_mutex_lock(&console.lock);

	bool wants = queue->used != NULL && __atomic_load_n(&queue->available->index, __ATOMIC_ACQUIRE) != queue->seen;

	pthread_mutex_unlock(&console.lock);
	return wants;
}

bool console_input(void)
{
	struct queue *queue = &console.queues[RECEIVE];
	struct descriptor descriptor;
	ssize_t length = 1;
	uint16_t head;

	pthread_mutex_lock(&console.lock);
	if (take(queue, &head)) {
		void *memory = buffer(queue, head, &descriptor);

		length = read(STDIN_FILENO, memory, descriptor.length);
		give_back(queue, head, length > 0 ? (uint32_t)length : 0);
		set_interrupts(console.interrupts | INTERRUPT_USED);
	}
	pthread_mutex_unlock(&console.lock);
	return length > 0;
}

static void set_ready(struct queue *queue, bool ready)
{
	if (ready && (queue->size == 0 || queue->size > QUEUE_SIZE_MAX))
		refuse("the guest's console wants a queue of %u", queue->size);
	queue->descriptors = vm_memory(console.vm, queue->descriptors_address, queue->size * sizeof(struct descriptor));
	queue->available = vm_memory(console.vm, queue->available_address, sizeof(struct available));
	queue->used = vm_memory(console.vm, queue->used_address, sizeof(struct used));
	queue->seen = 0;
	if (ready && (queue->descriptors == NULL || queue->available == NULL || queue->used == NULL))
		refuse("the guest's console has a queue outside of RAM");
	if (!ready)
		queue->used = NULL;
}

static void reset(void)
{
	memset(console.queues, 0, sizeof(console.queues));
	set_interrupts(0);
}

uint32_t console_read(uint64_t offset)
{
	pthread_mutex_lock(&console.lock);

	const struct queue *queue = &console.queues[console.selected_queue % QUEUES];
	bool exists = console.selected_queue < QUEUES;
	uint32_t value = 0;

	switch (offset) {
	case REG_MAGIC:
		value = MAGIC;
		break;
	case REG_VERSION:
		value = VERSION;
		break;
	case REG_DEVICE:
		value = DEVICE_CONSOLE;
		break;
	case REG_VENDOR:
		value = VENDOR;
		break;
	case REG_DEVICE_FEATURES:
		value = console.selected_features == 1 ? FEATURES_HIGH : 0;
		break;
	case REG_QUEUE_SIZE_MAX:
		value = exists ? QUEUE_SIZE_MAX : 0;
		break;
	case REG_QUEUE_READY:
		value = exists && queue->used != NULL;
		break;
	case REG_INTERRUPT_STATUS:
		value = console.interrupts;
		break;
	case REG_STATUS:
		value = console.status;
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&console.lock);
	return value;
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
	*address = high ? (*address & UINT32_MAX) | (uint64_t)value << 32 : (*address & ~(uint64_t)UINT32_MAX) | value;
}

void console_write(uint64_t offset, uint32_t value)
{
	pthread_mutex_lock(&console.lock);

	struct queue *queue = &console.queues[console.selected_queue % QUEUES];
	bool high = offset & sizeof(uint32_t);

	switch (offset) {
	case REG_DEVICE_FEATURES_SELECT:
		console.selected_features = value;
		break;
	case REG_QUEUE_SELECT:
		console.selected_queue = value;
		break;
	case REG_QUEUE_SIZE:
		queue->size = value;
		break;
	case REG_QUEUE_READY:
		set_ready(queue, value & 1);
		break;
	case REG_QUEUE_NOTIFY:
		if (value == TRANSMIT)
			transmit();
		break;
	case REG_INTERRUPT_ACK:
		set_interrupts(console.interrupts & ~value);
		break;
	case REG_STATUS:
		console.status = value;
		if (value == 0)
			reset();
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
	eventfd_write(console.event, 1);
	pthread_mutex_unlock(&console.lock);
}
