// SPDX-License-Identifier: BSD-3-Clause
/*
 * /dev/vtpm: the requests of vtpm_ioctl.h. This file only copies arguments in and results out, and checks what the
 * kernel must not believe of user space; vm.c does the work.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "estate.h"
#include "listing.h"
#include "vm.h"

static int device_open(struct inode *inode, struct file *file)
{
	file->private_data = vm_new();
	return file->private_data != NULL ? 0 : -ENOMEM;
}

static int device_release(struct inode *inode, struct file *file)
{
	vm_end(file->private_data);
	return 0;
}

static int device_map(struct file *file, struct vm_area_struct *area)
{
	u64 offset = (u64)area->vm_pgoff << PAGE_SHIFT;
	struct instance *instance = vm_instance(file->private_data, offset >> VTPM_MMAP_SHIFT);

	if (instance == NULL)
		return -EINVAL;
	return queue_map(instance, area, offset & (VTPM_MMAP_OFFSET(1) - 1));
}

static long create(struct file *file, struct vtpm_create __user *argument)
{
	struct vtpm_create wanted;
	int error;

	if (copy_from_user(&wanted, argument, sizeof(wanted)) != 0)
		return -EFAULT;
	error = instance_create(file->private_data, &wanted);
	/* Whoever cannot be told about the instance cannot use it either. */
	if (error == 0 && copy_to_user(argument, &wanted, sizeof(wanted)) != 0) {
		instance_destroy(vm_instance(file->private_data, wanted.index), file->f_mapping);
		error = -EFAULT;
	}
	return error;
}

static long place(struct file *file, const struct vtpm_place __user *argument)
{
	struct vtpm_place wanted;
	struct instance *instance;

	if (copy_from_user(&wanted, argument, sizeof(wanted)) != 0)
		return -EFAULT;
	instance = vm_instance(file->private_data, wanted.index);
	if (instance == NULL || wanted.reserved != 0)
		return -EINVAL;
	return instance_place(instance, ipa_make(wanted.ipa));
}

static long info(struct file *file, struct vtpm_info __user *argument)
{
	struct vtpm_info asked;
	struct instance *instance;
	int error;

	if (copy_from_user(&asked, argument, sizeof(asked)) != 0)
		return -EFAULT;
	instance = vm_instance(file->private_data, asked.index);
	if (instance == NULL || asked.reserved != 0)
		return -EINVAL;
	error = instance_info(instance, &asked);
	if (error == 0 && copy_to_user(argument, &asked, sizeof(asked)) != 0)
		error = -EFAULT;
	return error;
}

/* An instance that was taken stays taken even if the answer cannot be written: the end of the file leaves it again. */
static long take(struct file *file, struct vtpm_create __user *argument)
{
	struct vtpm_create wanted;
	int error;

	if (copy_from_user(&wanted, argument, sizeof(wanted)) != 0)
		return -EFAULT;
	error = instance_take(file->private_data, &wanted);
	if (error == 0 && copy_to_user(argument, &wanted, sizeof(wanted)) != 0)
		error = -EFAULT;
	return error;
}

static long name(struct file *file, const struct vtpm_name __user *argument)
{
	struct vtpm_name wanted;

	if (copy_from_user(&wanted, argument, sizeof(wanted)) != 0)
		return -EFAULT;
	return vm_name(file->private_data, &wanted);
}

static long call(struct file *file, unsigned int request, unsigned long index)
{
	struct instance *instance = vm_instance(file->private_data, index);

	if (instance == NULL)
		return -EINVAL;
	switch (request) {
	case VTPM_IOC_RING:
		return instance_ring(instance);
	case VTPM_IOC_RESET:
		return instance_reset(instance);
	default:
		return instance_destroy(instance, file->f_mapping);
	}
}

static long device_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	switch (request) {
	case VTPM_IOC_CREATE:
		return create(file, (struct vtpm_create __user *)argument);
	case VTPM_IOC_TAKE:
		return take(file, (struct vtpm_create __user *)argument);
	case VTPM_IOC_NAME:
		return name(file, (const struct vtpm_name __user *)argument);
	case VTPM_IOC_PLACE:
		return place(file, (const struct vtpm_place __user *)argument);
	case VTPM_IOC_INFO:
		return info(file, (struct vtpm_info __user *)argument);
	case VTPM_IOC_RING:
	case VTPM_IOC_RESET:
	case VTPM_IOC_DESTROY:
		return call(file, request, argument);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.mmap = device_map,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = VTPM_DEVICE,
	.fops = &operations,
	.mode = 0600,
};

static int __init start(void)
{
	int error = service_find();

	if (error == 0)
		error = misc_register(&device);
	if (error == 0)
		listing_start();
	return error;
}

static void __exit stop(void)
{
	listing_stop();
	misc_deregister(&device);
	estates_end();
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("vTPM instances of the service at EL3, for VMMs");
MODULE_LICENSE("Dual BSD/GPL");
