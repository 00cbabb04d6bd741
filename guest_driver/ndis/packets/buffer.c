// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffer pools and buffers, which are MDLs (docs/ndis51.md section 4.6). */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../faults/inject.h"
#include "../layer.h"

struct ndis_buffer_pool {
	struct ndis_object object;
	spinlock_t lock;
	struct ndis_buffer *free;
	unsigned int used;
	struct ndis_buffer *buffers;
};

static struct ndis_buffer_pool *buffer_pool_make(UINT descriptors)
{
	struct ndis_buffer_pool *pool;

	if (!descriptors || KeGetCurrentIrql() > DISPATCH_LEVEL)
		return NULL;
	pool = kzalloc(sizeof(*pool), ndis_gfp());
	if (!pool)
		return NULL;
	spin_lock_init(&pool->lock);
	/* One table. Where the caller may sleep, it need not be contiguous. */
	pool->buffers = kvcalloc(descriptors, sizeof(*pool->buffers), ndis_gfp());
	if (!pool->buffers) {
		kfree(pool);
		return NULL;
	}
	while (descriptors--) {
		struct ndis_buffer *buffer = &pool->buffers[descriptors];

		buffer->pool = pool;
		buffer->next_free = pool->free;
		pool->free = buffer;
	}
	ndis_object_add(&pool->object, NDIS_OBJECT_BUFFER_POOL, pool);
	return pool;
}

/*
 * Section 4.6: SUCCESS, or RESOURCES without memory; only Status says which. The number is the exact limit of
 * descriptors in use. <= DISPATCH_LEVEL.
 */
VOID NdisAllocateBufferPool(PNDIS_STATUS Status, PNDIS_HANDLE PoolHandle, UINT NumberOfDescriptors)
{
	struct ndis_buffer_pool *pool = NULL;

	if (!ndis_fail(NdisAllocateBufferPool, NumberOfDescriptors * sizeof(struct ndis_buffer)))
		pool = buffer_pool_make(NumberOfDescriptors);
	*PoolHandle = pool;
	*Status = pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
	ndis_record(NdisAllocateBufferPool, pool, NumberOfDescriptors, 0, 0, *Status);
}

/*
 * Section 4.6, R73: every descriptor must be back. Refuses a pool that is in use, and what is not a pool, except the
 * pool whose handle is NULL. <= DISPATCH_LEVEL.
 */
VOID NdisFreeBufferPool(NDIS_HANDLE PoolHandle)
{
	struct ndis_buffer_pool *pool = PoolHandle;

	ndis_record(NdisFreeBufferPool, pool, 0, 0, 0, 0);
	if (!pool || WARN_ON_ONCE(KeGetCurrentIrql() > DISPATCH_LEVEL ||
				  !ndis_object_find(NDIS_OBJECT_BUFFER_POOL, pool) || pool->used))
		return;
	ndis_object_remove(&pool->object);
	kvfree(pool->buffers);
	kfree(pool);
}

/* Some versions of NDIS give out a pool whose handle is NULL: it is the heap (4.6, R21). */
static struct ndis_buffer *buffer_take(struct ndis_buffer_pool *pool)
{
	struct ndis_buffer *buffer;
	unsigned long flags;

	if (!pool)
		return kzalloc(sizeof(*buffer), ndis_gfp());
	spin_lock_irqsave(&pool->lock, flags);
	buffer = pool->free;
	if (buffer) {
		pool->free = buffer->next_free;
		pool->used++;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return buffer;
}

static void buffer_put(struct ndis_buffer *buffer)
{
	struct ndis_buffer_pool *pool = buffer->pool;
	unsigned long flags;

	if (!pool) {
		kfree(buffer);
		return;
	}
	spin_lock_irqsave(&pool->lock, flags);
	buffer->next_free = pool->free;
	pool->free = buffer;
	pool->used--;
	spin_unlock_irqrestore(&pool->lock, flags);
}

static void describe(struct ndis_buffer *buffer, void *va, UINT length)
{
	buffer->mdl.Next = NULL;
	buffer->mdl.Size = sizeof(*buffer);
	buffer->mdl.MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL;
	buffer->mdl.Process = NULL;
	buffer->mdl.MappedSystemVa = va;
	buffer->mdl.StartVa = (PVOID)((ULONG_PTR)va & PAGE_MASK);
	buffer->mdl.ByteOffset = offset_in_page(va);
	buffer->mdl.ByteCount = length;
	buffer->length = length;
	buffer->mapped = 0;
	buffer->used = true;
	buffer->flushed = false;
	buffer->dev = NULL;
	buffer->runs = &buffer->run;
	buffer->run_count = 1;
	buffer->run.length = length;
	buffer->split = NULL;
}

/* R70: NULL for what is neither shared memory nor nonpaged linear memory, and if the pool is empty. */
static PNDIS_BUFFER buffer_make(struct ndis_buffer_pool *pool, void *va, UINT length)
{
	struct ndis_shared_range range;
	struct ndis_buffer *buffer;
	bool shared;

	if (KeGetCurrentIrql() > DISPATCH_LEVEL || !va || !length)
		return NULL;
	shared = ndis_shared_lookup(va, length, &range);
	if (!shared && !ndis_scattered_lookup(va, length) &&
	    !(virt_addr_valid(va) && virt_addr_valid(va + length - 1)))
		return NULL;
	buffer = buffer_take(pool);
	if (!buffer)
		return NULL;
	describe(buffer, va, length);
	if (shared && range.cached) {
		buffer->dev = range.dev;
		buffer->run.dma = range.dma;
	}
	ndis_object_count(NDIS_OBJECT_BUFFER, 1);
	return &buffer->mdl;
}

/*
 * Section 4.6: SUCCESS, or FAILURE and NULL if the pool is empty or the memory is not nonpaged linear memory (R70).
 * The buffer describes the memory and does not own it. <= DISPATCH_LEVEL.
 */
VOID NdisAllocateBuffer(PNDIS_STATUS Status, PNDIS_BUFFER *Buffer, NDIS_HANDLE PoolHandle, PVOID VirtualAddress,
			UINT Length)
{
	*Buffer = NULL;
	if (!ndis_fail(NdisAllocateBuffer, 0))
		*Buffer = buffer_make(PoolHandle, VirtualAddress, Length);
	*Status = *Buffer ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
	ndis_record(NdisAllocateBuffer, PoolHandle, VirtualAddress, Length, *Buffer, *Status);
}

/*
 * NdisFreeBuffer, section 4.6: frees the descriptor only. Refuses NULL, and a descriptor that is free already or still
 * mapped. <= DISPATCH_LEVEL.
 */
VOID IoFreeMdl(PMDL Mdl)
{
	struct ndis_buffer *buffer = to_ndis_buffer(Mdl);

	ndis_record(NdisFreeBuffer, Mdl, Mdl ? Mdl->ByteCount : 0, 0, 0, 0);
	if (WARN_ON_ONCE(KeGetCurrentIrql() > DISPATCH_LEVEL || !Mdl || !buffer->used || buffer->mapped))
		return;
	buffer->used = false;
	ndis_object_count(NDIS_OBJECT_BUFFER, -1);
	buffer_put(buffer);
}

#define NDIS_RANGE(Offset, Length) ((u64)(Offset) << 32 | (Length))

/* Section 4.6: a second descriptor for a part of the first; FAILURE if the part is not inside it. Copies no data. */
VOID NdisCopyBuffer(PNDIS_STATUS Status, PNDIS_BUFFER *Buffer, NDIS_HANDLE PoolHandle, PVOID MemoryDescriptor,
		    UINT Offset, UINT Length)
{
	PMDL source = MemoryDescriptor;

	*Buffer = NULL;
	if (Offset <= source->ByteCount && Length <= source->ByteCount - Offset && !ndis_fail(NdisCopyBuffer, 0))
		*Buffer = buffer_make(PoolHandle, (PCHAR)source->MappedSystemVa + Offset, Length);
	*Status = *Buffer ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
	ndis_record(NdisCopyBuffer, PoolHandle, source, NDIS_RANGE(Offset, Length), *Buffer, *Status);
}

/* Section 4.6: refuses a length beyond the original one (R76). <= DISPATCH_LEVEL. */
VOID NdisAdjustBufferLength(PNDIS_BUFFER Buffer, UINT Length)
{
	ndis_record(NdisAdjustBufferLength, Buffer, Length, 0, 0, 0);
	if (!WARN_ON_ONCE(Length > to_ndis_buffer(Buffer)->length))
		Buffer->ByteCount = Length;
}

/* Section 4.6: every buffer here is mapped, so this cannot fail; a 5.1 driver must use the Safe one anyway (R80). */
VOID NdisQueryBuffer(PNDIS_BUFFER Buffer, PVOID *VirtualAddress, PUINT Length)
{
	PVOID va = MmGetSystemAddressForMdl(Buffer);

	if (VirtualAddress)
		*VirtualAddress = va;
	*Length = MmGetMdlByteCount(Buffer);
	ndis_record(NdisQueryBuffer, Buffer, 0, 0, 0, va);
}

/* Section 4.6: the address is NULL if the system is short of mappings, here only by injection. <= DISPATCH_LEVEL. */
VOID NdisQueryBufferSafe(PNDIS_BUFFER Buffer, PVOID *VirtualAddress, PUINT Length, MM_PAGE_PRIORITY Priority)
{
	PVOID va = NULL;

	if (VirtualAddress) {
		if (!ndis_fail(NdisQueryBufferSafe, 0))
			va = MmGetSystemAddressForMdlSafe(Buffer, Priority);
		*VirtualAddress = va;
	}
	*Length = MmGetMdlByteCount(Buffer);
	ndis_record(NdisQueryBufferSafe, Buffer, Priority, 0, 0, va);
}

#define NDIS_SEND_ACCESS (NICRIG_GRANT_READ | NICRIG_GRANT_CACHED | NICRIG_GRANT_STREAMING)

/* Each page of scattered memory is a run, but on the non-coherent machine the card's view is one run. */
unsigned int ndis_buffer_runs_max(const struct ndis_buffer *buffer)
{
	void *va = buffer->mdl.MappedSystemVa;

	if (ndis_noncoherent() || !ndis_scattered_lookup(va, buffer->mdl.ByteCount))
		return 1;
	return ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, buffer->mdl.ByteCount);
}

static void drop_runs(struct ndis_buffer *buffer)
{
	if (buffer->runs != &buffer->run)
		kfree(buffer->runs);
	buffer->runs = &buffer->run;
	buffer->run_count = 1;
}

static void unmap_pages(struct ndis_buffer *buffer, struct device *dev, unsigned int count)
{
	while (count--)
		dma_unmap_page(dev, buffer->runs[count].dma, buffer->runs[count].length, DMA_TO_DEVICE);
	drop_runs(buffer);
}

static bool map_pages(struct ndis_buffer *buffer, struct device *dev, unsigned int count)
{
	void *va = buffer->mdl.MappedSystemVa;
	UINT left = buffer->mdl.ByteCount;
	unsigned int i;

	buffer->runs = kmalloc_array(count, sizeof(*buffer->runs), GFP_ATOMIC | __GFP_NOWARN);
	if (!buffer->runs) {
		drop_runs(buffer);
		return false;
	}
	for (i = 0; i < count; i++) {
		struct ndis_run *run = &buffer->runs[i];

		run->length = min_t(UINT, left, PAGE_SIZE - offset_in_page(va));
		run->dma = dma_map_page(dev, vmalloc_to_page(va), offset_in_page(va), run->length, DMA_TO_DEVICE);
		if (dma_mapping_error(dev, run->dma)) {
			unmap_pages(buffer, dev, i);
			return false;
		}
		va += run->length;
		left -= run->length;
	}
	buffer->run_count = count;
	return true;
}

static bool map_memory(struct ndis_buffer *buffer, struct device *dev)
{
	unsigned int count = ndis_buffer_runs_max(buffer);

	if (!ndis_noncoherent() && is_vmalloc_addr(buffer->mdl.MappedSystemVa))
		return map_pages(buffer, dev, count);
	buffer->run.length = buffer->mdl.ByteCount;
	return ndis_cache_map(dev, buffer->mdl.MappedSystemVa, buffer->mdl.ByteCount, DMA_TO_DEVICE, &buffer->run.dma,
			      &buffer->split);
}

bool ndis_buffer_map(struct ndis_buffer *buffer, struct device *dev, enum ndis_function by)
{
	unsigned int i;

	if (buffer->dev || !map_memory(buffer, dev))
		return false;
	if (buffer->flushed && buffer->split)
		ndis_split_write_back(buffer->split, buffer->mdl.MappedSystemVa, buffer->mdl.ByteCount);
	buffer->dev = dev;
	buffer->mapped = buffer->mdl.ByteCount;
	buffer->mapped_by = by;
	for (i = 0; i < buffer->run_count; i++)
		ndis_grant(by, buffer->runs[i].dma, buffer->runs[i].length, NDIS_SEND_ACCESS, 0);
	return true;
}

void ndis_buffer_unmap(struct ndis_buffer *buffer)
{
	unsigned int i;

	if (!buffer->mapped)
		return;
	for (i = 0; i < buffer->run_count; i++)
		ndis_revoke(buffer->mapped_by, buffer->runs[i].dma, buffer->runs[i].length, NDIS_SEND_ACCESS);
	if (buffer->runs != &buffer->run)
		unmap_pages(buffer, buffer->dev, buffer->run_count);
	else
		ndis_cache_unmap(buffer->dev, buffer->run.dma, buffer->mapped, DMA_TO_DEVICE, &buffer->split);
	buffer->flushed = false;
	buffer->dev = NULL;
	buffer->mapped = 0;
}

/*
 * The flush of a send may come before its mapping (docs/ndis51.md section 5); the mapping then does it. Memory mapped
 * for the card to read has nothing to bring in.
 */
static void flush_send(struct ndis_buffer *buffer, bool read)
{
	if (read)
		return;
	buffer->flushed = true;
	/* The length may have been adjusted since the mapping, which keeps its own. */
	if (buffer->split)
		ndis_split_write_back(buffer->split, buffer->mdl.MappedSystemVa,
				      min(buffer->mdl.ByteCount, buffer->mapped));
}

/* The length may have been adjusted since the mapping: each run keeps its own. */
static void flush_runs(struct ndis_buffer *buffer, bool read)
{
	UINT left = buffer->mdl.ByteCount;
	unsigned int i;

	for (i = 0; left && i < buffer->run_count; i++) {
		const struct ndis_run *run = &buffer->runs[i];
		UINT length = min(left, run->length);

		if (read)
			dma_sync_single_for_cpu(buffer->dev, run->dma, length, DMA_FROM_DEVICE);
		else
			dma_sync_single_for_device(buffer->dev, run->dma, length, DMA_TO_DEVICE);
		left -= length;
	}
}

static void flush_views(struct ndis_buffer *buffer, bool read)
{
	void *va = buffer->mdl.MappedSystemVa;
	struct ndis_shared_range range;

	if (!ndis_shared_lookup(va, buffer->mdl.ByteCount, &range))
		flush_send(buffer, read);
	else if (range.split && read)
		ndis_split_invalidate(range.split, va, buffer->mdl.ByteCount);
	else if (range.split)
		ndis_split_write_back(range.split, va, buffer->mdl.ByteCount);
}

/* Memory that no card can reach needs no flush. */
void ndis_buffer_flush(struct ndis_buffer *buffer, bool read)
{
	if (ndis_noncoherent())
		flush_views(buffer, read);
	else if (buffer->dev)
		flush_runs(buffer, read);
}
