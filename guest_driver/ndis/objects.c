// SPDX-License-Identifier: GPL-2.0-or-later
/* What a driver holds of the layer: found by address, so that nothing else is ever freed, and counted (R41, R48). */
#include <linux/hashtable.h>
#include <linux/moduleparam.h>
#include <linux/sysfs.h>

#include "layer.h"

static const char *const kind_names[NDIS_OBJECT_KINDS] = {
	[NDIS_OBJECT_MEMORY] = "memory",
	[NDIS_OBJECT_POOL_MEMORY] = "pool_memory",
	[NDIS_OBJECT_SHARED_MEMORY] = "shared_memory",
	[NDIS_OBJECT_PACKET_POOL] = "packet_pool",
	[NDIS_OBJECT_PACKET] = "packet",
	[NDIS_OBJECT_BUFFER_POOL] = "buffer_pool",
	[NDIS_OBJECT_BUFFER] = "buffer",
	[NDIS_OBJECT_MAP_REGISTERS] = "map_registers",
	[NDIS_OBJECT_MAPPING] = "mapping",
	[NDIS_OBJECT_DMA_CHANNEL] = "dma_channel",
	[NDIS_OBJECT_PORTS] = "ports",
	[NDIS_OBJECT_IO_SPACE] = "io_space",
	[NDIS_OBJECT_INTERRUPT] = "interrupt",
	[NDIS_OBJECT_CONFIGURATION] = "configuration",
};

static DEFINE_HASHTABLE(objects, 8);
static DEFINE_SPINLOCK(objects_lock);
static atomic_t alive[NDIS_OBJECT_KINDS];

void ndis_object_count(enum ndis_object_kind kind, int change)
{
	atomic_add(change, &alive[kind]);
}

unsigned int ndis_objects_alive(void)
{
	unsigned int kind, sum = 0;

	for (kind = 0; kind < NDIS_OBJECT_KINDS; kind++)
		sum += atomic_read(&alive[kind]);
	return sum;
}

void ndis_object_add(struct ndis_object *object, enum ndis_object_kind kind, const void *address)
{
	unsigned long flags;

	object->kind = kind;
	object->address = address;
	spin_lock_irqsave(&objects_lock, flags);
	hash_add(objects, &object->node, (unsigned long)address);
	spin_unlock_irqrestore(&objects_lock, flags);
	ndis_object_count(kind, 1);
}

struct ndis_object *ndis_object_find(enum ndis_object_kind kind, const void *address)
{
	struct ndis_object *object, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&objects_lock, flags);
	hash_for_each_possible(objects, object, node, (unsigned long)address) {
		if (object->address == address && object->kind == kind) {
			found = object;
			break;
		}
	}
	spin_unlock_irqrestore(&objects_lock, flags);
	return found;
}

void ndis_object_remove(struct ndis_object *object)
{
	unsigned long flags;

	spin_lock_irqsave(&objects_lock, flags);
	hash_del(&object->node);
	spin_unlock_irqrestore(&objects_lock, flags);
	ndis_object_count(object->kind, -1);
}

/* /sys/module/.../parameters/alive: a line with kind and count for each kind that has live objects. */
static int get_alive(char *text, const struct kernel_param *param)
{
	unsigned int kind;
	int length = 0;

	for (kind = 0; kind < NDIS_OBJECT_KINDS; kind++)
		if (atomic_read(&alive[kind]))
			length += sysfs_emit_at(text, length, "%s %d\n", kind_names[kind],
						atomic_read(&alive[kind]));
	return length;
}

static const struct kernel_param_ops alive_ops = { .get = get_alive };
module_param_cb(alive, &alive_ops, NULL, 0444);
MODULE_PARM_DESC(alive, "Live objects of the miniport and the protocol: kinds and counts");
