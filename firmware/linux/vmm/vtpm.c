/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's vTPMs, by way of /dev/vtpm. Each queue is mapped into this process, and from there into the guest as a
 * memory slot of its own.
 */
#include "vtpm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "failure.h"
#include "vtpm_abi.h"
#include "vtpm_ioctl.h"

#define INSTANCES (VTPM_MAX_INDEX + 1)
#define FIRST_MEMORY_SLOT 1 /* 0 is RAM */

struct queue {
	void *memory;
	size_t bytes;
	struct ipa ipa; /* 0: the guest does not have it */
};

static struct vm *machine;
static int device;
static struct queue queues[INSTANCES];

/* The status that an errno of /dev/vtpm stands for, as listed in firmware/linux/module/README.md. */
static int64_t status_of(int result)
{
	if (result >= 0)
		return VTPM_OK;
	switch (errno) {
	case EOPNOTSUPP:
		return VTPM_E_NOT_SUPPORTED;
	case EPERM:
		return VTPM_E_NOT_PERMITTED;
	case EINVAL:
		return VTPM_E_BAD_REQUIREMENT;
	case ENOENT:
	case ENXIO:
		return VTPM_E_BAD_HANDLE;
	case EBADFD:
		return VTPM_E_BAD_STATE;
	case EADDRNOTAVAIL:
		return VTPM_E_BAD_ADDRESS;
	case ENOSPC:
		return VTPM_E_NO_SPACE;
	case EBUSY:
	case EINTR:
		return VTPM_E_BUSY;
	case ENODATA:
		return VTPM_E_NO_ENTROPY;
	case EPROTO:
		return VTPM_E_BAD_QUEUE;
	case EEXIST:
		return VTPM_E_EXISTS;
	default:
		return VTPM_E_ENGINE_FAILED;
	}
}

void vtpm_open(struct vm *vm)
{
	machine = vm;
	device = must(open("/dev/" VTPM_DEVICE, O_RDWR | O_CLOEXEC), "opening /dev/" VTPM_DEVICE);
	vm_forward_calls(vm, VTPM_FID_DOORBELL, INSTANCES);
}

/* Makes the guest see the queue at `ipa`, or nowhere. A slot cannot be moved, so it is removed and made again. */
static int show(uint32_t index, struct ipa ipa)
{
	struct queue *queue = &queues[index];
	uint32_t slot = FIRST_MEMORY_SLOT + index;

	if (queue->ipa.value != 0 && vm_map(machine, slot, queue->ipa, queue->memory, 0) < 0)
		return -1;
	queue->ipa = ipa_make(0);
	if (ipa.value != 0 && vm_map(machine, slot, ipa, queue->memory, queue->bytes) < 0)
		return -1;
	queue->ipa = ipa;
	return 0;
}

int64_t vtpm_place(uint32_t index, struct ipa ipa)
{
	struct vtpm_place place = {.index = index, .ipa = ipa.value};

	if (ioctl(device, VTPM_IOC_PLACE, &place) < 0)
		return status_of(-1);
	return status_of(show(index, ipa));
}

/* Maps the queue of an instance that was created or taken, and gives it to the guest. */
static int64_t give(uint32_t index, uint64_t bytes, struct ipa ipa)
{
	int64_t status;

	queues[index].memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)VTPM_MMAP_OFFSET(index));
	if (queues[index].memory == MAP_FAILED)
		fail("mapping a vTPM's queue");
	queues[index].bytes = bytes;
	status = vtpm_place(index, ipa);
	if (status != VTPM_OK)
		vtpm_destroy(index);
	return status;
}

int64_t vtpm_create(uint32_t index, uint32_t slots, uint64_t requirements, struct ipa ipa)
{
	struct vtpm_create create = {.index = index, .slots = slots, .requirements = requirements};
	int64_t status = status_of(ioctl(device, VTPM_IOC_CREATE, &create));

	return status == VTPM_OK ? give(index, create.queue_bytes, ipa) : status;
}

int64_t vtpm_take(uint32_t index, struct ipa ipa)
{
	struct vtpm_create take = {.index = index};
	int64_t status = status_of(ioctl(device, VTPM_IOC_TAKE, &take));

	return status == VTPM_OK ? give(index, take.queue_bytes, ipa) : status;
}

void vtpm_name(const char *uuid)
{
	struct vtpm_name name = {0};
	const char *from = uuid;
	unsigned int byte;

	for (size_t i = 0; i < sizeof(name.name); i++) {
		from += *from == '-';
		if (strspn(from, "0123456789abcdefABCDEF") < 2 || sscanf(from, "%2x", &byte) != 1)
			refuse("%s is no UUID", uuid);
		name.name[i] = (uint8_t)byte;
		from += 2;
	}
	if (*from != '\0')
		refuse("%s is no UUID", uuid);
	must(ioctl(device, VTPM_IOC_NAME, &name), "naming the VM");
}

int64_t vtpm_reset(uint32_t index)
{
	return status_of(ioctl(device, VTPM_IOC_RESET, index));
}

/* The instance first: the kernel takes the queue out of every address space before EL3 can reuse it. */
int64_t vtpm_destroy(uint32_t index)
{
	int64_t status = status_of(ioctl(device, VTPM_IOC_DESTROY, index));

	if (status != VTPM_OK)
		return status;
	must(show(index, ipa_make(0)), "taking a queue from the guest");
	must(munmap(queues[index].memory, queues[index].bytes), "unmapping a queue");
	queues[index] = (struct queue){0};
	return VTPM_OK;
}

int64_t vtpm_info(uint32_t index, struct vtpm_info *info)
{
	*info = (struct vtpm_info){.index = index};
	return status_of(ioctl(device, VTPM_IOC_INFO, info));
}

size_t vtpm_queue_bytes(uint32_t index)
{
	return queues[index].bytes;
}

const void *vtpm_queue(uint32_t index)
{
	return queues[index].memory;
}

int64_t vtpm_doorbell(uint32_t function)
{
	int64_t status = status_of(ioctl(device, VTPM_IOC_RING, function - VTPM_FID_DOORBELL));

	if (status == VTPM_E_ENGINE_FAILED)
		fprintf(stderr, "vmm: ringing a vTPM: %s\n", strerror(errno));
	/* What EL3 answers a guest that rings for an instance that it does not have. */
	return status == VTPM_E_BAD_HANDLE ? VTPM_E_NOT_PERMITTED : status;
}
