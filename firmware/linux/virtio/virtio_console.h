/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio console (virtio 1.2, 5.3) with registers in memory (4.2), for whatever runs the guest. It has no locks and
 * needs no libc; its functions must be called by one processor at a time.
 */
#ifndef VIRTIO_CONSOLE_H
#define VIRTIO_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_CONSOLE_BYTES 0x200u

/* What the console needs of the program that runs the guest. `context` belongs to that program. */
struct virtio_host {
	/* Returns the guest's memory from `address`, an IPA, or NULL unless all of the bytes are RAM. */
	void *(*memory)(void *context, uint64_t address, uint64_t bytes);
	/* Takes all of the guest's output. It may let other processors call functions of the console meanwhile. */
	void (*say)(void *context, const void *bytes, uint32_t length);
	/* Drives a level-sensitive interrupt; may be called with the level that it has already. */
	void (*interrupt)(void *context, bool level);
	/* Told when the guest's driver has broken the rules. The device has been reset. */
	void (*broken)(void *context, const char *how);
};

enum { VIRTIO_RECEIVE, VIRTIO_TRANSMIT, VIRTIO_QUEUES };

struct virtio_queue {
	uint64_t descriptors_address;
	uint64_t available_address;
	uint64_t used_address;
	uint32_t size;
	/* Set while the queue is ready. */
	const volatile struct virtio_descriptor *descriptors; /* the guest may change them while they are read */
	const struct virtio_available *available;
	struct virtio_used *used;
	uint16_t seen; /* entries of `available` that were taken */
};

struct virtio_console {
	const struct virtio_host *host;
	void *context;
	struct virtio_queue queues[VIRTIO_QUEUES];
	uint32_t selected_queue;
	uint32_t selected_features;
	uint32_t interrupts;
	uint32_t status;
};

/* The guest's accesses to registers. Those that do not exist read as zero, and ignore writes. */
uint32_t virtio_console_read(const struct virtio_console *console, uint64_t offset);
void virtio_console_write(struct virtio_console *console, uint64_t offset, uint32_t value);

/* Whether the guest has a buffer ready for input. */
bool virtio_console_wants_input(const struct virtio_console *console);

/*
 * A buffer for input. virtio_console_room() takes the first one that the guest has offered; `memory` is NULL if there
 * is none. virtio_console_filled() gives it back, with as many bytes as were put in, before another one is taken.
 */
struct virtio_room {
	void *memory;
	uint32_t length;
	uint16_t head;
};
struct virtio_room virtio_console_room(struct virtio_console *console);
void virtio_console_filled(struct virtio_console *console, const struct virtio_room *room, uint32_t length);

#endif
