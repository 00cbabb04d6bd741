// SPDX-License-Identifier: GPL-2.0-or-later
/* Packet pools and packets (docs/ndis51.md section 4.5). */
#include <linux/mm.h>
#include <linux/slab.h>

#include "../faults/inject.h"
#include "../layer.h"

#define NDIS_PACKETS_MAX 0xffff

struct ndis_packet_pool {
	struct ndis_object object;
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
		packet->next_free = pool->free;
		pool->free = packet;
	}
}

/* Allocates the base descriptors; overflow descriptors come on demand. NULL without memory. */
static struct ndis_packet_pool *packet_pool_make(UINT descriptors, UINT overflow, UINT reserved)
{
	struct ndis_packet_pool *pool;

	if (!descriptors || descriptors > NDIS_PACKETS_MAX || reserved > PAGE_SIZE ||
	    KeGetCurrentIrql() > DISPATCH_LEVEL)
		return NULL;
	pool = kzalloc(sizeof(*pool), ndis_gfp());
	if (!pool)
		return NULL;
	spin_lock_init(&pool->lock);
	pool->overflow_max = min(overflow, NDIS_PACKETS_MAX - descriptors);
	pool->oob_offset = ALIGN(FIELD_OFFSET(NDIS_PACKET, ProtocolReserved) + reserved, 8);
	pool->stride = ALIGN(offsetof(struct ndis_packet, packet) + pool->oob_offset +
			     sizeof(NDIS_PACKET_OOB_DATA) + sizeof(NDIS_PACKET_EXTENSION), 8);
	/* One table. Where the caller may sleep, it need not be contiguous. */
	pool->packets = kvcalloc(descriptors, pool->stride, ndis_gfp());
	if (!pool->packets) {
		kfree(pool);
		return NULL;
	}
	packet_pool_fill(pool, descriptors);
	ndis_object_add(&pool->object, NDIS_OBJECT_PACKET_POOL, pool);
	return pool;
}

/* The size for fail=FUNCTION:over: the packets' own bytes. */
static size_t packet_pool_bytes(UINT descriptors)
{
	return (size_t)descriptors * sizeof(struct ndis_packet);
}

/*
 * Section 4.5: SUCCESS; RESOURCES for 0 or more than 0xffff descriptors, or without memory. Trims the overflow so that
 * the sum is at most 0xffff. On failure the handle is NULL. <= DISPATCH_LEVEL.
 */
VOID NdisAllocatePacketPoolEx(PNDIS_STATUS Status, PNDIS_HANDLE PoolHandle, UINT NumberOfDescriptors,
			      UINT NumberOfOverflowDescriptors, UINT ProtocolReservedLength)
{
	struct ndis_packet_pool *pool = NULL;

	if (!ndis_fail(NdisAllocatePacketPoolEx, packet_pool_bytes(NumberOfDescriptors)))
		pool = packet_pool_make(NumberOfDescriptors, NumberOfOverflowDescriptors, ProtocolReservedLength);
	*PoolHandle = pool;
	*Status = pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
	ndis_record(NdisAllocatePacketPoolEx, pool, NumberOfDescriptors, NumberOfOverflowDescriptors,
		    ProtocolReservedLength, *Status);
}

/* Section 4.5: Ex without overflow. */
VOID NdisAllocatePacketPool(PNDIS_STATUS Status, PNDIS_HANDLE PoolHandle, UINT NumberOfDescriptors,
			    UINT ProtocolReservedLength)
{
	struct ndis_packet_pool *pool = NULL;

	if (!ndis_fail(NdisAllocatePacketPool, packet_pool_bytes(NumberOfDescriptors)))
		pool = packet_pool_make(NumberOfDescriptors, 0, ProtocolReservedLength);
	*PoolHandle = pool;
	*Status = pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
	ndis_record(NdisAllocatePacketPool, pool, NumberOfDescriptors, ProtocolReservedLength, 0, *Status);
}

/* What lies behind the part of a packet that chains and counts use. */
static u8 *packet_poison_start(struct ndis_packet *packet)
{
	return packet->packet.MiniportReserved;
}

static size_t packet_poison_bytes(const struct ndis_packet_pool *pool)
{
	return pool->stride - offsetof(struct ndis_packet, packet.MiniportReserved);
}

/* R44, R84: finds a store into a packet that is free. It is recorded as a LEAVE of the call that gave it away. */
static void packet_look(struct ndis_packet *packet)
{
	u8 *changed;

	if (!packet->given_by)
		return;
	changed = memchr_inv(packet_poison_start(packet), NDIS_FREED, packet_poison_bytes(packet->pool));
	if (changed)
		ndis_record_if(NDIS_DETAIL_FRAMES, packet->given_by, NDIS_KIND_LEAVE, packet->given_at,
			       &packet->packet, changed - (u8 *)&packet->packet, 0, 0, 0);
	packet->given_by = 0;
}

/*
 * Section 4.5, R73: every descriptor must be back. Refuses a pool that is in use, and what is not a pool. <=
 * DISPATCH_LEVEL.
 */
VOID NdisFreePacketPool(NDIS_HANDLE PoolHandle)
{
	struct ndis_packet_pool *pool = PoolHandle;
	struct ndis_packet *packet;

	ndis_record(NdisFreePacketPool, pool, 0, 0, 0, 0);
	if (WARN_ON_ONCE(KeGetCurrentIrql() > DISPATCH_LEVEL || !ndis_object_find(NDIS_OBJECT_PACKET_POOL, pool) ||
			 pool->used))
		return;
	ndis_object_remove(&pool->object);
	for (packet = pool->free; packet; packet = packet->next_free)
		packet_look(packet);
	kvfree(pool->packets);
	kfree(pool);
}

/* Section 4.5: descriptors in use. <= DISPATCH_LEVEL. */
UINT NdisPacketPoolUsage(NDIS_HANDLE PoolHandle)
{
	struct ndis_packet_pool *pool = PoolHandle;
	UINT used = READ_ONCE(pool->used);

	ndis_record(NdisPacketPoolUsage, pool, 0, 0, 0, used);
	return used;
}

static struct ndis_packet *packet_take(struct ndis_packet_pool *pool)
{
	struct ndis_packet *packet;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	packet = pool->free;
	if (packet) {
		pool->free = packet->next_free;
	} else if (pool->overflow_used < pool->overflow_max) {
		packet = kmalloc(pool->stride, GFP_ATOMIC | __GFP_NOWARN);
		if (packet) {
			packet->pool = pool;
			packet->overflow = true;
			packet->given_by = 0;
			pool->overflow_used++;
		}
	}
	if (packet)
		WRITE_ONCE(pool->used, pool->used + 1);
	spin_unlock_irqrestore(&pool->lock, flags);
	return packet;
}

/* R124: zeroed, without buffers, with its pool. NULL if all base and overflow descriptors are in use. */
static PNDIS_PACKET packet_make(struct ndis_packet_pool *pool, bool non_interlocked)
{
	struct ndis_packet *packet = packet_take(pool);

	if (!packet)
		return NULL;
	packet_look(packet);
	packet->adapter = NULL;
	packet->list = NULL;
	packet->owner = NDIS_PACKET_IDLE;
	packet->held = false;
	packet->non_interlocked = non_interlocked;
	memset((u8 *)packet + offsetof(struct ndis_packet, packet), 0,
	       pool->stride - offsetof(struct ndis_packet, packet));
	packet->packet.Private.Pool = pool;
	packet->packet.Private.NdisPacketFlags = fPACKET_ALLOCATED_BY_NDIS;
	packet->packet.Private.NdisPacketOobOffset = pool->oob_offset;
	ndis_object_count(NDIS_OBJECT_PACKET, 1);
	return &packet->packet;
}

static NDIS_STATUS packet_status(PNDIS_PACKET packet)
{
	return packet ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

/*
 * Section 4.5: SUCCESS and a zeroed descriptor without buffers, or RESOURCES and NULL if all base and overflow
 * descriptors are in use. <= DISPATCH_LEVEL.
 */
VOID NdisAllocatePacket(PNDIS_STATUS Status, PNDIS_PACKET *Packet, NDIS_HANDLE PoolHandle)
{
	*Packet = NULL;
	if (PoolHandle && KeGetCurrentIrql() <= DISPATCH_LEVEL && !ndis_fail(NdisAllocatePacket, 0))
		*Packet = packet_make(PoolHandle, false);
	*Status = packet_status(*Packet);
	ndis_record(NdisAllocatePacket, PoolHandle, *Packet, 0, 0, *Status);
}

/* Section 4.5: the same at exactly DISPATCH_LEVEL; RESOURCES at any other level (R63). */
VOID NdisDprAllocatePacket(PNDIS_STATUS Status, PNDIS_PACKET *Packet, NDIS_HANDLE PoolHandle)
{
	*Packet = NULL;
	if (PoolHandle && KeGetCurrentIrql() == DISPATCH_LEVEL && !ndis_fail(NdisDprAllocatePacket, 0))
		*Packet = packet_make(PoolHandle, false);
	*Status = packet_status(*Packet);
	ndis_record(NdisDprAllocatePacket, PoolHandle, *Packet, 0, 0, *Status);
}

/* Section 4.5: the same under the driver's own lock; only its counterpart frees the packet. Here NDIS locks too. */
VOID NdisDprAllocatePacketNonInterlocked(PNDIS_STATUS Status, PNDIS_PACKET *Packet, NDIS_HANDLE PoolHandle)
{
	*Packet = NULL;
	if (PoolHandle && KeGetCurrentIrql() == DISPATCH_LEVEL && !ndis_fail(NdisDprAllocatePacketNonInterlocked, 0))
		*Packet = packet_make(PoolHandle, true);
	*Status = packet_status(*Packet);
	ndis_record(NdisDprAllocatePacketNonInterlocked, PoolHandle, *Packet, 0, 0, *Status);
}

/*
 * Overflow descriptors go back to the heap while overflow exists. Where frames are recorded, later stores are found.
 * The protocol frees what a miniport has completed: the miniport gave that packet away before.
 */
static void packet_release(struct ndis_packet *packet, enum ndis_function by, unsigned long site)
{
	struct ndis_packet_pool *pool = packet->pool;
	unsigned long flags;

	packet->owner = NDIS_PACKET_FREE;
	if (ndis_recorder_detail < NDIS_DETAIL_FRAMES) {
		packet->given_by = 0;
	} else {
		if (ndis_phase_now() != NDIS_PHASE_PROTOCOL) {
			packet->given_by = by;
			packet->given_at = site;
		}
		memset(packet_poison_start(packet), NDIS_FREED, packet_poison_bytes(pool));
	}
	ndis_object_count(NDIS_OBJECT_PACKET, -1);
	spin_lock_irqsave(&pool->lock, flags);
	WRITE_ONCE(pool->used, pool->used - 1);
	if (packet->overflow) {
		pool->overflow_used--;
	} else {
		packet->next_free = pool->free;
		pool->free = packet;
		packet = NULL;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	kfree(packet);
}

/* False for a packet that is free already, or that the protocol or the card has. */
static bool packet_may_be_freed(const struct ndis_packet *packet, bool non_interlocked)
{
	return packet->owner == NDIS_PACKET_IDLE && packet->non_interlocked == non_interlocked;
}

/* Section 4.5: a chain that the caller did not save is lost (R72). <= DISPATCH_LEVEL. */
VOID NdisFreePacket(PNDIS_PACKET Packet)
{
	struct ndis_packet *packet = to_ndis_packet(Packet);

	ndis_record(NdisFreePacket, Packet, Packet->Private.Head, 0, 0, 0);
	if (!WARN_ON_ONCE(KeGetCurrentIrql() > DISPATCH_LEVEL || !packet_may_be_freed(packet, false)))
		packet_release(packet, NDIS_FN_NdisFreePacket, _RET_IP_);
}

/* Section 4.5: exactly DISPATCH_LEVEL; refused at any other level (R63). */
VOID NdisDprFreePacket(PNDIS_PACKET Packet)
{
	struct ndis_packet *packet = to_ndis_packet(Packet);

	ndis_record(NdisDprFreePacket, Packet, Packet->Private.Head, 0, 0, 0);
	if (!WARN_ON_ONCE(KeGetCurrentIrql() != DISPATCH_LEVEL || !packet_may_be_freed(packet, false)))
		packet_release(packet, NDIS_FN_NdisDprFreePacket, _RET_IP_);
}

/* Section 4.5: only for packets of the NonInterlocked allocation. Exactly DISPATCH_LEVEL. */
VOID NdisDprFreePacketNonInterlocked(PNDIS_PACKET Packet)
{
	struct ndis_packet *packet = to_ndis_packet(Packet);

	ndis_record(NdisDprFreePacketNonInterlocked, Packet, Packet->Private.Head, 0, 0, 0);
	if (!WARN_ON_ONCE(KeGetCurrentIrql() != DISPATCH_LEVEL || !packet_may_be_freed(packet, true)))
		packet_release(packet, NDIS_FN_NdisDprFreePacketNonInterlocked, _RET_IP_);
}

/* Section 4.5: makes a packet like new. The caller has taken off or saved its chain (R74). */
VOID NdisReinitializePacket(PNDIS_PACKET Packet)
{
	ndis_record(NdisReinitializePacket, Packet, Packet->Private.Head, 0, 0, 0);
	Packet->Private.Head = NULL;
	Packet->Private.ValidCounts = FALSE;
}

void ndis_packet_recount(PNDIS_PACKET packet)
{
	NDIS_PACKET_PRIVATE *private = &packet->Private;
	PNDIS_BUFFER buffer;

	if (private->ValidCounts)
		return;
	private->PhysicalCount = 0;
	private->Count = 0;
	private->TotalLength = 0;
	for (buffer = private->Head; buffer; buffer = buffer->Next) {
		private->PhysicalCount += NDIS_BUFFER_TO_SPAN_PAGES(buffer);
		private->Count++;
		private->TotalLength += MmGetMdlByteCount(buffer);
	}
	private->ValidCounts = TRUE;
}

/*
 * Section 4.6: every output is optional. The physical count is the sum of page spans. Totals hold until the chain
 * changes.
 */
VOID NdisQueryPacket(PNDIS_PACKET Packet, PUINT PhysicalBufferCount, PUINT BufferCount, PNDIS_BUFFER *FirstBuffer,
		     PUINT TotalPacketLength)
{
	if (FirstBuffer)
		*FirstBuffer = Packet->Private.Head;
	if (PhysicalBufferCount || BufferCount || TotalPacketLength)
		ndis_packet_recount(Packet);
	if (PhysicalBufferCount)
		*PhysicalBufferCount = Packet->Private.PhysicalCount;
	if (BufferCount)
		*BufferCount = Packet->Private.Count;
	if (TotalPacketLength)
		*TotalPacketLength = Packet->Private.TotalLength;
	ndis_record(NdisQueryPacket, Packet, 0, 0, 0, TotalPacketLength ? *TotalPacketLength : ~0ULL);
}
