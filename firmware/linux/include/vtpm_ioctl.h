/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /dev/vtpm: how a VMM on a Linux host gets vTPM instances for one VM. An open file is one VM; its instances are known
 * by their index within the VM, so no other file can name them. The end of the file destroys ephemeral instances, and
 * lets go of persistent ones. That is when it is closed everywhere and none of its queues is mapped, so at the latest
 * when its last owner dies.
 *
 * A VM has persistent instances by a name that nobody else knows. What it has left behind is taken again by an open
 * file that has been given the same name, as long as the module is loaded.
 *
 * mmap at offset VTPM_MMAP_OFFSET(index) maps that instance's queue, or part of it, shared, never executable. DESTROY
 * takes it out of every address space; touching it afterwards is SIGBUS.
 */
#ifndef VTPM_IOCTL_H
#define VTPM_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VTPM_DEVICE "vtpm"
#define VTPM_MMAP_SHIFT 20 /* no queue is larger than 1 MiB */
#define VTPM_MMAP_OFFSET(index) ((__u64)(index) << VTPM_MMAP_SHIFT)

/* Requirements as CREATE of vtpm_abi.h has them. `queue_bytes` is an answer. */
struct vtpm_create {
	__u32 index;
	__u32 slots;
	__u64 requirements;
	__u64 queue_bytes;
};

/*
 * The name of the VM, of the VMM's choice, not all zero: whoever knows it can be the VM. Before any other request but
 * INFO; EBUSY: another file has it, or this one has a name, or instances.
 */
#define VTPM_NAME_BYTES 16
struct vtpm_name {
	__u8 name[VTPM_NAME_BYTES];
};

/* Where the VM will find the queue in its physical address space; EL3 writes it into the CRB's address fields. */
struct vtpm_place {
	__u32 index;
	__u32 reserved; /* must be zero */
	__u64 ipa;      /* 0: nowhere */
};

/* What is known of an instance; `index` and `reserved` are asked, the rest is answered. State as in vtpm_abi.h. */
struct vtpm_info {
	__u32 index;
	__u32 reserved; /* must be zero */
	__u64 state;
	__u64 vm; /* id of the VM that EL3 knows as the owner */
	__u64 requirements;
	__u64 queue; /* physical address */
	__u64 queue_bytes;
	__u64 commands; /* executed so far */
};

/* All return 0 or -1 with errno; the service's status becomes an errno (listed in firmware/linux/module/README.md). */
#define VTPM_IOC_CREATE _IOWR('V', 0, struct vtpm_create)
#define VTPM_IOC_PLACE _IOW('V', 1, struct vtpm_place)
#define VTPM_IOC_RING _IO('V', 2)    /* argument: index; FORWARD */
#define VTPM_IOC_RESET _IO('V', 3)   /* argument: index */
#define VTPM_IOC_DESTROY _IO('V', 4) /* argument: index */
#define VTPM_IOC_INFO _IOWR('V', 5, struct vtpm_info)
#define VTPM_IOC_NAME _IOW('V', 6, struct vtpm_name)
/* Takes what the VM has left behind under an index, reset; all but `index` is answered. ENOENT: there is nothing. */
#define VTPM_IOC_TAKE _IOWR('V', 7, struct vtpm_create)

#endif
