/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio console of the guest. Its registers are written by the threads of processors, its input comes on the main
 * thread, so one lock guards the device.
 */
#include "console.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "failure.h"
#include "line.h"
#include "virtio_console.h"

static struct {
	pthread_mutex_t lock;
	int event;
	struct virtio_console device;
} console = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *memory(void *vm, uint64_t address, uint64_t bytes)
{
	return vm_memory(vm, ipa_make(address), bytes);
}

/* Without the lock, because the reader at the other end may be slow, and nothing else should have to wait for it. */
static void say(void *vm, const void *bytes, uint32_t length)
{
	(void)vm;
	pthread_mutex_unlock(&console.lock);
	line_write(bytes, length);
	pthread_mutex_lock(&console.lock);
}

static void interrupt(void *vm, bool level)
{
	vm_interrupt(vm, CONSOLE_INTERRUPT, level);
}

static void broken(void *vm, const char *how)
{
	(void)vm;
	refuse("the guest's console was given %s", how);
}

void console_create(struct vm *vm)
{
	static const struct virtio_host host = {.memory = memory, .say = say, .interrupt = interrupt, .broken = broken};

	console.device = (struct virtio_console){.host = &host, .context = vm};
	console.event = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "creating an event");
}

int console_event(void)
{
	return console.event;
}

bool console_wants_input(void)
{
	pthread_mutex_lock(&console.lock);

	bool wants = virtio_console_wants_input(&console.device);

	pthread_mutex_unlock(&console.lock);
	return wants;
}

bool console_input(void)
{
	ssize_t length = 1;

	pthread_mutex_lock(&console.lock);

	struct virtio_room room = virtio_console_room(&console.device);

	if (room.memory != NULL) {
		length = line_read(room.memory, room.length);
		virtio_console_filled(&console.device, &room, length > 0 ? (uint32_t)length : 0);
	}
	pthread_mutex_unlock(&console.lock);
	return length > 0;
}

uint32_t console_read(uint64_t offset)
{
	pthread_mutex_lock(&console.lock);

	uint32_t value = virtio_console_read(&console.device, offset);

	pthread_mutex_unlock(&console.lock);
	return value;
}

void console_write(uint64_t offset, uint32_t value)
{
	pthread_mutex_lock(&console.lock);
	virtio_console_write(&console.device, offset, value);
	eventfd_write(console.event, 1); /* any write may have made room for input */
	pthread_mutex_unlock(&console.lock);
}
