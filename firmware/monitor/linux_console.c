/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The consoles of a guest with an operating system: bytes between the CPU that runs its vCPU and CPU 0, which speaks
 * with the outside. Each direction is a ring with one CPU at either end. Either side kicks the other when it has moved
 * something.
 */
#include "cpu.h"
#include "guest_map.h"
#include "linux_guest.h"
#include "sysreg.h"

static void wake_cpu0(void)
{
	cpu_kick(cpu_get(0));
}

static void *console_memory(void *context, uint64_t address, uint64_t bytes)
{
	const struct linux_guest *guest = context;

	return linux_memory(guest->vm, ipa_make(address), bytes);
}

/*
 * Takes all of it, so while the ring is full the guest stands still. It waits in WFI for the kick of CPU 0 that says
 * that there is room, and keeps for later what other interrupts wake it.
 */
static void console_say(void *context, const void *bytes, uint32_t length)
{
	struct linux_guest *guest = context;
	const uint8_t *from = bytes;

	for (;;) {
		size_t moved = ring_put(&guest->said, from, length);

		from += moved;
		length -= (uint32_t)moved;
		wake_cpu0();
		if (length == 0U || linux_told_to_stop(guest)) {
			return;
		}
		dsb_sy();
		__asm__ volatile("wfi" ::: "memory");
		vgic_take_interrupt(&guest->vgic);
	}
}

/*
 * The virtual interrupt controller knows pending or not pending, so a level that falls is not passed on. At worst the
 * driver is interrupted once more, and finds nothing to do in the device's interrupt status.
 */
static void console_interrupt(void *context, bool level)
{
	struct linux_guest *guest = context;

	if (level) {
		vgic_raise(&guest->vgic, CONSOLE_INTERRUPT);
	}
}

void linux_log_byte(struct linux_guest *guest, uint8_t byte)
{
	ring_put(&guest->log, &byte, 1); /* if there is no room it is lost: a log must not stop the guest */
	wake_cpu0();
}

static void log_text(struct linux_guest *guest, const char *text)
{
	for (; *text != '\0'; text++) {
		linux_log_byte(guest, (uint8_t)*text);
	}
}

static void console_broken(void *context, const char *how)
{
	struct linux_guest *guest = context;

	log_text(guest, "monitor: the guest's console was given ");
	log_text(guest, how);
	log_text(guest, "\n");
}

void linux_console_start(struct linux_guest *guest)
{
	static const struct virtio_host host = {
		.memory = console_memory,
		.say = console_say,
		.interrupt = console_interrupt,
		.broken = console_broken,
	};

	guest->console = (struct virtio_console){.host = &host, .context = guest};
}

void linux_console_input(struct linux_guest *guest)
{
	while (!ring_is_empty(&guest->typed) && virtio_console_wants_input(&guest->console)) {
		struct virtio_room room = virtio_console_room(&guest->console);

		if (room.memory != NULL) {
			size_t length = ring_take(&guest->typed, room.memory, room.length);

			virtio_console_filled(&guest->console, &room, (uint32_t)length);
			wake_cpu0();
		}
	}
}
