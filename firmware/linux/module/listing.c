// SPDX-License-Identifier: BSD-3-Clause
/*
 * A list of instances in debugfs, for whoever has to find out why the pool is full.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "listing.h"
#include "vm.h"

static struct dentry *directory;

static void show(void *file, u64 handle)
{
	struct vtpm_info info;

	if (service_info(handle, &info) == 0) /* else the instance has been destroyed meanwhile */
		seq_printf(file, "%llx %llx %llx %llu %llu\n", info.vm, info.queue, info.queue_bytes, info.requirements,
			   info.commands);
}

static int instances_show(struct seq_file *file, void *unused)
{
	vm_for_each_instance(show, file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(instances);

void listing_start(void)
{
	directory = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("instances", 0400, directory, NULL, &instances_fops);
}

void listing_stop(void)
{
	debugfs_remove(directory);
}
