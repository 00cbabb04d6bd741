// SPDX-License-Identifier: GPL-2.0-or-later
/* Packet pools and packets (docs/ndis51.md section 4.5). */
#include <linux/mm.h>
#include <linux/slab.h>

#include "layer.h"

#define NDIS_PACKETS_MAX 0xffff

struct ndis_packet_pool {
	spinlock_t lock;
	struct ndis_packet *free;
	unsigned int used;
	unsigned int overflow_used;
	unsigned int overflow_max;
	unsigned int oob_offset;
	unsigned int stride;
	void *packets;
};

static void packet_pool_fill(struct ndis_packet_pool *pool, unsigned int count)
{
	while (count--) {
		struct ndis_packet *packet = pool->packets + (size_t)count * pool->stride;

		packet->pool = pool;
		packet->overflow = false;
		packet->next_free = pool->free;
		pool->free = packet;
	}
}

/*
 * Section 4.5: RESOURCES for more than 0xffff descriptors or without memory; the overflow is trimmed so that the sum
 * is at most 0xffff. Base descriptors are allocated here, overflow ones on demand. <= DISPATCH_LEVEL.
 */
VOID NdisAllocatePacketPoolEx(PNDIS_STATUS Status, PNDIS_HANDLE PoolHandle, UINT NumberOfDescriptors,
			      UINT NumberOfOverflowDescriptors, UINT ProtocolReservedLength)
{
	struct ndis_packet_pool *pool;

	*PoolHandle = NULL;
	*Status = NDIS_STATUS_RESOURCES;
	if (!NumberOfDescriptors || NumberOfDescriptors > NDIS_PACKETS_MAX || ProtocolReservedLength > PAGE_SIZE)
		return;
	pool = kzalloc(sizeof(*pool), ndis_gfp());
	if (!pool)
		return;
	spin_lock_init(&pool->lock);
	pool->overflow_max = min(NumberOfOverflowDescriptors, NDIS_PACKETS_MAX - NumberOfDescriptors);
	pool->oob_offset = ALIGN(FIELD_OFFSET(NDIS_PACKET, ProtocolReserved) + ProtocolReservedLength, 8);
	pool->stride = ALIGN(offsetof(struct ndis_packet, packet) + pool->oob_offset +
			     sizeof(NDIS_PACKET_OOB_DATA) + sizeof(NDIS_PACKET_EXTENSION), 8);
	/* One table; where sleeping is allowed it need not be contiguous. */
	pool->packets = kvcalloc(NumberOfDescriptors, pool->stride, ndis_gfp());
	if (!pool->packets) {
		kfree(pool);
		return;
	}
	packet_pool_fill(pool, NumberOfDescriptors);
	*PoolHandle = pool;
	*Status = NDIS_STATUS_SUCCESS;
}

/* Section 4.5: Ex without overflow. */
VOID NdisAllocatePacketPool(PNDIS_STATUS Status, PNDIS_HANDLE PoolHandle, UINT NumberOfDescriptors,
			    UINT ProtocolReservedLength)
{
	NdisAllocatePacketPoolEx(Status, PoolHandle, NumberOfDescriptors, 0, ProtocolReservedLength);
}

/* Section 4.5, R73: every descriptor must be back; a pool that is still used is kept rather than freed under it. */
VOID NdisFreePacketPool(NDIS_HANDLE PoolHandle)
{
	struct ndis_packet_pool *pool = PoolHandle;

	if (WARN_ON_ONCE(pool->used))
		return;
	kvfree(pool->packets);
	kfree(pool);
}

/* Section 4.5: descriptors in use. <= DISPATCH_LEVEL. */
UINT NdisPacketPoolUsage(NDIS_HANDLE PoolHandle)
{
	struct ndis_packet_pool *pool = PoolHandle;

	return READ_ONCE(pool->used);
}

static struct ndis_packet *packet_take(struct ndis_packet_pool *pool)
{
	struct ndis_packet *packet;

	spin_lock_bh(&pool->lock);
	packet = pool->free;
	if (packet) {
		pool->free = packet->next_free;
	} else if (pool->overflow_used < pool->overflow_max) {
		packet = kmalloc(pool->stride, GFP_ATOMIC | __GFP_NOWARN);
		if (packet) {
			packet->pool = pool;
			packet->overflow = true;
			pool->overflow_used++;
		}
	}
	if (packet)
		WRITE_ONCE(pool->used, pool->used + 1);
	spin_unlock_bh(&pool->lock);
	return packet;
}

/*
 * Section 4.5, R124: SUCCESS and a zeroed descriptor without buffers, or RESOURCES and NULL when all base and
 * overflow descriptors are out. <= DISPATCH_LEVEL.
 */
VOID NdisAllocatePacket(PNDIS_STATUS Status, PNDIS_PACKET *Packet, NDIS_HANDLE PoolHandle)
{
	struct ndis_packet_pool *pool = PoolHandle;
	struct ndis_packet *packet = packet_take(pool);

	if (!packet) {
		*Packet = NULL;
		*Status = NDIS_STATUS_RESOURCES;
		return;
	}
	packet->adapter = NULL;
	packet->list = NULL;
	packet->owner = NDIS_PACKET_IDLE;
	memset((u8 *)packet + offsetof(struct ndis_packet, packet), 0,
	       pool->stride - offsetof(struct ndis_packet, packet));
	packet->packet.Private.Pool = pool;
	packet->packet.Private.NdisPacketFlags = fPACKET_ALLOCATED_BY_NDIS;
	packet->packet.Private.NdisPacketOobOffset = pool->oob_offset;
	*Packet = &packet->packet;
	*Status = NDIS_STATUS_SUCCESS;
}

/*
 * Section 4.5: the chain must be empty or saved by the caller. Overflow descriptors go back to the heap while
 * overflow exists. <= DISPATCH_LEVEL.
 */
VOID NdisFreePacket(PNDIS_PACKET Packet)
{
	struct ndis_packet *packet = to_ndis_packet(Packet);
	struct ndis_packet_pool *pool = packet->pool;

	if (WARN_ON_ONCE(packet->owner != NDIS_PACKET_IDLE))
		return;
	spin_lock_bh(&pool->lock);
	WRITE_ONCE(pool->used, pool->used - 1);
	if (packet->overflow) {
		pool->overflow_used--;
	} else {
		packet->next_free = pool->free;
		pool->free = packet;
		packet = NULL;
	}
	spin_unlock_bh(&pool->lock);
	kfree(packet);
}
