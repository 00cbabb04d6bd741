// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffer pools and buffers, which are MDLs (docs/ndis51.md section 4.6). */
#include <linux/mm.h>
#include <linux/slab.h>

#include "layer.h"

struct ndis_buffer_pool {
	spinlock_t lock;
	struct ndis_buffer *free;
	unsigned int used;
	struct ndis_buffer *buffers;
};

/*
 * Section 4.6: judged by Status alone; RESOURCES without memory. The number is the exact limit of outstanding
 * descriptors. <= DISPATCH_LEVEL.
 */
VOID NdisAllocateBufferPool(PNDIS_STATUS Status, PNDIS_HANDLE PoolHandle, UINT NumberOfDescriptors)
{
	struct ndis_buffer_pool *pool;

	*PoolHandle = NULL;
	*Status = NDIS_STATUS_RESOURCES;
	if (!NumberOfDescriptors)
		return;
	pool = kzalloc(sizeof(*pool), ndis_gfp());
	if (!pool)
		return;
	spin_lock_init(&pool->lock);
	/* One table; where sleeping is allowed it need not be contiguous. */
	pool->buffers = kvcalloc(NumberOfDescriptors, sizeof(*pool->buffers), ndis_gfp());
	if (!pool->buffers) {
		kfree(pool);
		return;
	}
	while (NumberOfDescriptors--) {
		struct ndis_buffer *buffer = &pool->buffers[NumberOfDescriptors];

		buffer->pool = pool;
		buffer->next_free = pool->free;
		pool->free = buffer;
	}
	*PoolHandle = pool;
	*Status = NDIS_STATUS_SUCCESS;
}

/* Section 4.6, R73: every descriptor must be back; a pool that is still used is kept rather than freed under it. */
VOID NdisFreeBufferPool(NDIS_HANDLE PoolHandle)
{
	struct ndis_buffer_pool *pool = PoolHandle;

	if (WARN_ON_ONCE(pool->used))
		return;
	kvfree(pool->buffers);
	kfree(pool);
}

static struct ndis_buffer *buffer_take(struct ndis_buffer_pool *pool)
{
	struct ndis_buffer *buffer;

	spin_lock_bh(&pool->lock);
	buffer = pool->free;
	if (buffer) {
		pool->free = buffer->next_free;
		pool->used++;
	}
	spin_unlock_bh(&pool->lock);
	return buffer;
}

/*
 * Section 4.6: SUCCESS, or FAILURE and NULL when the pool is out or the memory is not nonpaged linear memory (R70).
 * Describes the memory, does not own it. <= DISPATCH_LEVEL.
 */
VOID NdisAllocateBuffer(PNDIS_STATUS Status, PNDIS_BUFFER *Buffer, NDIS_HANDLE PoolHandle, PVOID VirtualAddress,
			UINT Length)
{
	struct ndis_buffer *buffer;

	*Buffer = NULL;
	*Status = NDIS_STATUS_FAILURE;
	if (!VirtualAddress || !Length || is_vmalloc_addr(VirtualAddress))
		return;
	buffer = buffer_take(PoolHandle);
	if (!buffer)
		return;
	buffer->mdl.Next = NULL;
	buffer->mdl.Size = sizeof(*buffer);
	buffer->mdl.MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL;
	buffer->mdl.Process = NULL;
	buffer->mdl.MappedSystemVa = VirtualAddress;
	buffer->mdl.StartVa = (PVOID)((ULONG_PTR)VirtualAddress & PAGE_MASK);
	buffer->mdl.ByteOffset = offset_in_page(VirtualAddress);
	buffer->mdl.ByteCount = Length;
	if (!ndis_shared_lookup(VirtualAddress, &buffer->dev, &buffer->dma))
		buffer->dev = NULL;
	*Buffer = &buffer->mdl;
	*Status = NDIS_STATUS_SUCCESS;
}

/* NdisFreeBuffer, section 4.6: returns the descriptor only. <= DISPATCH_LEVEL. */
VOID IoFreeMdl(PMDL Mdl)
{
	struct ndis_buffer *buffer = to_ndis_buffer(Mdl);
	struct ndis_buffer_pool *pool = buffer->pool;

	spin_lock_bh(&pool->lock);
	buffer->next_free = pool->free;
	pool->free = buffer;
	pool->used--;
	spin_unlock_bh(&pool->lock);
}

/* Section 4.6: a second descriptor over part of the first; FAILURE if the part is not inside it. No data is copied. */
VOID NdisCopyBuffer(PNDIS_STATUS Status, PNDIS_BUFFER *Buffer, NDIS_HANDLE PoolHandle, PVOID MemoryDescriptor,
		    UINT Offset, UINT Length)
{
	PMDL source = MemoryDescriptor;

	*Buffer = NULL;
	*Status = NDIS_STATUS_FAILURE;
	if (Offset > source->ByteCount || Length > source->ByteCount - Offset)
		return;
	NdisAllocateBuffer(Status, Buffer, PoolHandle, (PCHAR)source->MappedSystemVa + Offset, Length);
}

/* Section 4.6: NULL when the chain is empty. Any level. */
VOID NdisUnchainBufferAtFront(PNDIS_PACKET Packet, PNDIS_BUFFER *Buffer)
{
	*Buffer = Packet->Private.Head;
	if (!*Buffer)
		return;
	Packet->Private.Head = (*Buffer)->Next;
	(*Buffer)->Next = NULL;
	Packet->Private.ValidCounts = FALSE;
}

VOID NdisUnchainBufferAtBack(PNDIS_PACKET Packet, PNDIS_BUFFER *Buffer)
{
	PNDIS_BUFFER before = NULL;

	*Buffer = Packet->Private.Head;
	if (!*Buffer)
		return;
	for (; (*Buffer)->Next; *Buffer = (*Buffer)->Next)
		before = *Buffer;
	if (before)
		before->Next = NULL;
	else
		Packet->Private.Head = NULL;
	Packet->Private.Tail = before;
	Packet->Private.ValidCounts = FALSE;
}
