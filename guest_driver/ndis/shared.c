// SPDX-License-Identifier: GPL-2.0-or-later
/* Bus-master DMA: the scatter-gather gate, shared memory and its coherency calls (docs/ndis51.md section 4.3). */
#include <linux/cache.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "layer.h"

struct ndis_shared_block {
	struct device *dev;
	void *va;
	dma_addr_t dma;
	u32 length;
	bool cached;
	struct work_struct release;
};

/* Every block by the page frames of its addresses: a block owns whole pages, so each page has one block. */
static DEFINE_XARRAY(shared_blocks);

/* Where memory that was freed above PASSIVE_LEVEL is released. */
static struct workqueue_struct *shared_releases;

bool ndis_shared_start(void)
{
	shared_releases = alloc_workqueue("nicrig_release", WQ_UNBOUND, 0);
	return shared_releases;
}

void ndis_shared_stop(void)
{
	destroy_workqueue(shared_releases);
}

static unsigned long shared_key(const void *va)
{
	return (unsigned long)va >> PAGE_SHIFT;
}

static struct ndis_shared_block *shared_find(const void *va)
{
	return xa_load(&shared_blocks, shared_key(va));
}

static void shared_forget(struct ndis_shared_block *block, unsigned long pages)
{
	unsigned long page;

	for (page = 0; page < pages; page++)
		xa_erase_bh(&shared_blocks, shared_key(block->va) + page);
}

static bool shared_remember(struct ndis_shared_block *block)
{
	unsigned long pages = PFN_UP(block->length);
	unsigned long page;

	for (page = 0; page < pages; page++) {
		if (xa_err(xa_store_bh(&shared_blocks, shared_key(block->va) + page, block, GFP_KERNEL))) {
			shared_forget(block, page);
			return false;
		}
	}
	return true;
}

static void shared_release(struct ndis_shared_block *block)
{
	if (block->cached)
		dma_free_noncoherent(block->dev, PAGE_ALIGN(block->length), block->va, block->dma,
				     DMA_BIDIRECTIONAL);
	else
		dma_free_coherent(block->dev, PAGE_ALIGN(block->length), block->va, block->dma);
	put_device(block->dev);
	kfree(block);
}

static void shared_release_work(struct work_struct *work)
{
	shared_release(container_of(work, struct ndis_shared_block, release));
}

bool ndis_shared_lookup(const void *va, struct device **dev, dma_addr_t *dma)
{
	struct ndis_shared_block *block = shared_find(va);

	if (!block || !block->cached)
		return false;
	*dev = block->dev;
	*dma = block->dma + (va - block->va);
	return true;
}

/*
 * Section 4.3: NOT_SUPPORTED unless the miniport registered as 5.x and set BUS_MASTER; RESOURCES when the platform
 * cannot reach the card's addresses. PASSIVE_LEVEL, inside MiniportInitialize, after the attributes.
 */
NDIS_STATUS NdisMInitializeScatterGatherDma(NDIS_HANDLE MiniportAdapterHandle, BOOLEAN Dma64BitAddresses,
					    ULONG MaximumPhysicalMapping)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;

	if (!adapter->attributes_set || !(adapter->attributes & NDIS_ATTRIBUTE_BUS_MASTER) ||
	    adapter->miniport->MajorNdisVersion != 5)
		return NDIS_STATUS_NOT_SUPPORTED;
	if (!MaximumPhysicalMapping || KeGetCurrentIrql() != PASSIVE_LEVEL)
		return NDIS_STATUS_RESOURCES;
	if (dma_set_mask_and_coherent(&adapter->pdev->dev, DMA_BIT_MASK(Dma64BitAddresses ? 64 : 32)))
		return NDIS_STATUS_RESOURCES;
	dma_set_max_seg_size(&adapter->pdev->dev, MaximumPhysicalMapping);
	adapter->max_mapping = MaximumPhysicalMapping;
	adapter->scatter_gather = true;
	return NDIS_STATUS_SUCCESS;
}

/*
 * Section 4.3: 0 before the DMA resources exist. Never less than the cache line: x86 needs no alignment, but the
 * receive buffers must be laid out as for a machine that does (R99).
 */
ULONG NdisMGetDmaAlignment(NDIS_HANDLE MiniportAdapterHandle)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;

	if (!adapter->scatter_gather || KeGetCurrentIrql() != PASSIVE_LEVEL)
		return 0;
	return max_t(ULONG, dma_get_cache_alignment(), L1_CACHE_BYTES);
}

/*
 * Section 4.3: NULL and address 0 are the only signs of failure: before NdisMInitializeScatterGatherDma, above
 * PASSIVE_LEVEL, or without memory. Both addresses are page-aligned, and the block is contiguous for the device.
 */
VOID NdisMAllocateSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached,
			       PVOID *VirtualAddress, PNDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_shared_block *block;

	*VirtualAddress = NULL;
	PhysicalAddress->QuadPart = 0;
	if (!adapter->scatter_gather || !Length || KeGetCurrentIrql() != PASSIVE_LEVEL)
		return;

	block = kzalloc(sizeof(*block), GFP_KERNEL);
	if (!block)
		return;
	block->dev = get_device(&adapter->pdev->dev);
	block->length = Length;
	block->cached = Cached;
	INIT_WORK(&block->release, shared_release_work);
	if (Cached)
		block->va = dma_alloc_noncoherent(block->dev, PAGE_ALIGN(Length), &block->dma, DMA_BIDIRECTIONAL,
						  ndis_gfp());
	else
		block->va = dma_alloc_coherent(block->dev, PAGE_ALIGN(Length), &block->dma, ndis_gfp());
	if (!block->va) {
		put_device(block->dev);
		kfree(block);
		return;
	}
	if (!shared_remember(block)) {
		shared_release(block);
		return;
	}
	*VirtualAddress = block->va;
	PhysicalAddress->QuadPart = block->dma;
}

/*
 * Section 4.3: all four values as allocated. The block is forgotten at once, but above PASSIVE_LEVEL the memory
 * itself goes back from a work item, since DMA memory may not be freed there.
 */
VOID NdisMFreeSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached, PVOID VirtualAddress,
			   NDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_shared_block *block = shared_find(VirtualAddress);

	if (WARN_ON_ONCE(!block || block->va != VirtualAddress || block->dev != &adapter->pdev->dev))
		return;
	WARN_ON_ONCE(block->length != Length || block->cached != !!Cached ||
		     block->dma != (dma_addr_t)PhysicalAddress.QuadPart);
	shared_forget(block, PFN_UP(block->length));
	if (KeGetCurrentIrql() == PASSIVE_LEVEL)
		shared_release(block);
	else
		queue_work(shared_releases, &block->release);
}

/*
 * Section 4.3: what the card has just written to this part of one shared block is visible to the CPU afterwards.
 * Also the read barrier between the ownership bit that the caller saw and the data that it reads next (section 5).
 */
VOID NdisUpdateSharedMemory(NDIS_HANDLE NdisAdapterHandle, ULONG Length, PVOID VirtualAddress,
			    NDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
	struct ndis_adapter *adapter = NdisAdapterHandle;

	dma_sync_single_for_cpu(&adapter->pdev->dev, PhysicalAddress.QuadPart, Length, DMA_FROM_DEVICE);
	/* The loads of the caller that follow may not be done before the sync. */
	dma_rmb();
}

/*
 * NdisFlushBuffer, section 4.3: TRUE (ReadOperation 0) before the card reads, FALSE before the CPU reads what the
 * card wrote. One buffer, not its chain. Memory that no card can reach needs no flush.
 */
VOID KeFlushIoBuffers(PMDL Mdl, BOOLEAN ReadOperation, BOOLEAN DmaOperation)
{
	struct ndis_buffer *buffer = to_ndis_buffer(Mdl);

	if (!buffer->dev || !DmaOperation)
		return;
	if (ReadOperation)
		dma_sync_single_for_cpu(buffer->dev, buffer->dma, Mdl->ByteCount, DMA_FROM_DEVICE);
	else
		dma_sync_single_for_device(buffer->dev, buffer->dma, Mdl->ByteCount, DMA_TO_DEVICE);
}
