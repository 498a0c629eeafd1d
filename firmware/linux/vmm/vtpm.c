/* SPDX-License-Identifier: BSD-3-Clause */
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

#define INDEX 0u /* tpm_crb knows of one TPM */
#define MEMORY_SLOT 1

static struct {
	int fd;
	size_t queue_bytes;
} vtpm;

void vtpm_create(struct vm *vm, uint64_t requirements)
{
	struct vtpm_create create = {.index = INDEX, .slots = 1, .requirements = requirements};
	struct vtpm_place place = {.index = INDEX, .ipa = QUEUE_ADDRESS};

	vtpm.fd = must(open("/dev/" VTPM_DEVICE, O_RDWR | O_CLOEXEC), "opening /dev/" VTPM_DEVICE);
	must(ioctl(vtpm.fd, VTPM_IOC_CREATE, &create), "creating a vTPM");
	must(ioctl(vtpm.fd, VTPM_IOC_PLACE, &place), "placing the vTPM's queue");

	void *queue = mmap(NULL, create.queue_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vtpm.fd,
			   (off_t)VTPM_MMAP_OFFSET(INDEX));

	if (queue == MAP_FAILED)
		fail("mapping the vTPM's queue");
	vm_map(vm, MEMORY_SLOT, QUEUE_ADDRESS, queue, create.queue_bytes);
	vm_forward_calls(vm, VTPM_FID_DOORBELL, VTPM_MAX_INDEX + 1);
	vtpm.queue_bytes = create.queue_bytes;
}

size_t vtpm_queue_bytes(void)
{
	return vtpm.queue_bytes;
}

uint64_t vtpm_doorbell(uint32_t function)
{
	if (function != VTPM_FID_DOORBELL + INDEX)
		return (uint64_t)VTPM_E_NOT_PERMITTED;
	if (ioctl(vtpm.fd, VTPM_IOC_RING, INDEX) == 0)
		return VTPM_OK;
	fprintf(stderr, "vmm: ringing the vTPM: %s\n", strerror(errno));
	return (uint64_t)(errno == EBUSY ? VTPM_E_BUSY : VTPM_E_ENGINE_FAILED);
}
