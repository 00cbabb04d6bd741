// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared memory: allocated and freed at once or by a work item (docs/ndis51.md section 4.3). */
#include <linux/cache.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "../faults/inject.h"
#include "../layer.h"

struct ndis_shared_block {
	struct ndis_adapter *adapter;
	struct device *dev;
	void *va;
	dma_addr_t dma;
	u32 length;
	bool cached;
	struct ndis_split *split;
	struct work_struct release;
};

/* An allocation whose result MiniportAllocateComplete gets. */
struct ndis_shared_request {
	struct ndis_adapter *adapter;
	u32 length;
	bool cached;
	void *context;
	struct work_struct work;
};

/* Finds a block by the page frames of its addresses. A block owns whole pages, so each page has one block. */
static DEFINE_XARRAY(shared_blocks);

/* Allocates and releases what a caller above PASSIVE_LEVEL asked for or freed. */
static struct workqueue_struct *shared_work;

bool ndis_shared_start(void)
{
	shared_work = alloc_workqueue("nicrig_shared", WQ_UNBOUND, 0);
	return shared_work;
}

void ndis_shared_stop(void)
{
	destroy_workqueue(shared_work);
}

void ndis_shared_settle(void)
{
	flush_workqueue(shared_work);
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
	unsigned long page, flags;

	xa_lock_irqsave(&shared_blocks, flags);
	for (page = 0; page < pages; page++)
		__xa_erase(&shared_blocks, shared_key(block->va) + page);
	xa_unlock_irqrestore(&shared_blocks, flags);
}

static bool shared_remember(struct ndis_shared_block *block)
{
	unsigned long pages = PFN_UP(block->length);
	unsigned long page;

	for (page = 0; page < pages; page++) {
		if (xa_err(xa_store_irq(&shared_blocks, shared_key(block->va) + page, block, GFP_KERNEL))) {
			shared_forget(block, page);
			return false;
		}
	}
	return true;
}

static size_t whole_bytes(const struct ndis_shared_block *block)
{
	return PAGE_ALIGN((size_t)block->length + NDIS_GUARD_BYTES);
}

/* The rest of a block's pages, which no one may write (R45). */
static void *slack(const struct ndis_shared_block *block)
{
	return block->va + block->length;
}

static size_t slack_bytes(const struct ndis_shared_block *block)
{
	return whole_bytes(block) - block->length;
}

static unsigned int shared_access(const struct ndis_shared_block *block)
{
	return NICRIG_GRANT_READ | NICRIG_GRANT_WRITE | (block->cached ? NICRIG_GRANT_CACHED : 0);
}

/* R45, R108: checks both views, if there are two. */
static bool slack_kept(const struct ndis_shared_block *block)
{
	return !memchr_inv(slack(block), NICRIG_GUARD, slack_bytes(block)) &&
	       (!block->split || !memchr_inv(block->split->views.device + block->length, NICRIG_GUARD,
					     slack_bytes(block)));
}

static void shared_release(struct ndis_shared_block *block)
{
	WARN_ON_ONCE(!slack_kept(block));
	if (block->split)
		ndis_split_shared_free(block->split);
	else if (block->cached)
		dma_free_noncoherent(block->dev, whole_bytes(block), block->va, block->dma, DMA_BIDIRECTIONAL);
	else
		dma_free_coherent(block->dev, whole_bytes(block), block->va, block->dma);
	put_device(block->dev);
	kfree(block);
	ndis_object_count(NDIS_OBJECT_SHARED_MEMORY, -1);
}

static void shared_release_work(struct work_struct *work)
{
	shared_release(container_of(work, struct ndis_shared_block, release));
}

bool ndis_shared_lookup(const void *va, size_t length, struct ndis_shared_range *range)
{
	struct ndis_shared_block *block = shared_find(va);

	if (!block || length > block->length || va - block->va > block->length - length)
		return false;
	range->dev = block->dev;
	range->dma = block->dma + (va - block->va);
	range->cached = block->cached;
	range->split = block->split;
	return true;
}

/* The driver gets the CPU's view, the card gets its own. */
static bool shared_split(struct ndis_shared_block *block, size_t bytes)
{
	block->split = ndis_split_shared(block->dev, bytes);
	if (!block->split)
		return false;
	block->va = block->split->views.cpu;
	block->dma = block->split->dma;
	return true;
}

static bool shared_fill(struct ndis_shared_block *block)
{
	size_t bytes = whole_bytes(block);

	if (block->cached && ndis_noncoherent())
		return shared_split(block, bytes);
	if (block->cached)
		block->va = dma_alloc_noncoherent(block->dev, bytes, &block->dma, DMA_BIDIRECTIONAL, ndis_gfp());
	else
		block->va = dma_alloc_coherent(block->dev, bytes, &block->dma, ndis_gfp());
	return block->va;
}

/*
 * PASSIVE_LEVEL. NULL without memory. Both addresses are page-aligned, and the block is one run for the device (R122).
 */
static struct ndis_shared_block *shared_make(struct ndis_adapter *adapter, u32 length, bool cached)
{
	struct ndis_shared_block *block = kzalloc(sizeof(*block), ndis_gfp());

	if (!block)
		return NULL;
	block->adapter = adapter;
	block->dev = get_device(&adapter->pdev->dev);
	block->length = length;
	block->cached = cached;
	INIT_WORK(&block->release, shared_release_work);
	if (!shared_fill(block)) {
		put_device(block->dev);
		kfree(block);
		return NULL;
	}
	ndis_object_count(NDIS_OBJECT_SHARED_MEMORY, 1);
	memset(slack(block), NICRIG_GUARD, slack_bytes(block));
	if (!shared_remember(block)) {
		shared_release(block);
		return NULL;
	}
	atomic_inc(&adapter->shared_blocks);
	ndis_grant(NDIS_FN_NdisMAllocateSharedMemory, block->dma, length, shared_access(block), slack_bytes(block));
	return block;
}

/*
 * Section 4.3: NULL and address 0 are the only signs of failure. It fails before the DMA resources exist, outside
 * MiniportInitialize (R05), above PASSIVE_LEVEL, for no bytes, or without memory.
 */
VOID NdisMAllocateSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached,
			       PVOID *VirtualAddress, PNDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_shared_block *block = NULL;

	ndis_cache_tick();
	if (ndis_may_claim(adapter) && ndis_has_dma(adapter) && Length &&
	    !ndis_fail(NdisMAllocateSharedMemory, Length))
		block = shared_make(adapter, Length, Cached);
	*VirtualAddress = block ? block->va : NULL;
	PhysicalAddress->QuadPart = block ? block->dma : 0;
	ndis_record(NdisMAllocateSharedMemory, Length, !!Cached, PhysicalAddress->QuadPart, 0, *VirtualAddress);
}

static void call_allocate_complete(struct ndis_shared_request *request, struct ndis_shared_block *block)
{
	struct ndis_adapter *adapter = request->adapter;
	NDIS_PHYSICAL_ADDRESS physical = { .QuadPart = block ? block->dma : 0 };
	void *va = block ? block->va : NULL;
	ULONG length = block ? block->length : 0;
	struct ndis_caller before;

	local_bh_disable();
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportAllocateComplete, adapter->miniport->AllocateCompleteHandler, va, physical.QuadPart,
		     length, request->context);
	adapter->miniport->AllocateCompleteHandler(adapter->context, va, block ? &physical : NULL, length,
						   request->context);
	ndis_leave(MiniportAllocateComplete, adapter->miniport->AllocateCompleteHandler, before, 0);
	local_bh_enable();
}

static void shared_request_work(struct work_struct *work)
{
	struct ndis_shared_request *request = container_of(work, struct ndis_shared_request, work);
	struct ndis_shared_block *block = NULL;

	if (!ndis_fail_behind(MiniportAllocateComplete, request->length))
		block = shared_make(request->adapter, request->length, request->cached);
	call_allocate_complete(request, block);
	kfree(request);
}

static bool may_request(const struct ndis_adapter *adapter, ULONG length)
{
	return KeGetCurrentIrql() <= DISPATCH_LEVEL && adapter->phase == NDIS_PHASE_RUN && length &&
	       ndis_has_dma(adapter) && (adapter->attributes & NDIS_ATTRIBUTE_BUS_MASTER) &&
	       adapter->miniport->AllocateCompleteHandler;
}

/* The lock keeps Halt from beginning in between. Halt waits for what was queued before, and nothing is queued after. */
static bool queue_request(struct ndis_shared_request *request)
{
	struct ndis_adapter *adapter = request->adapter;
	bool running;
	unsigned long flags;

	spin_lock_irqsave(&adapter->lock, flags);
	running = adapter->phase == NDIS_PHASE_RUN;
	if (running)
		queue_work(shared_work, &request->work);
	spin_unlock_irqrestore(&adapter->lock, flags);
	return running;
}

static NDIS_STATUS request_shared(struct ndis_adapter *adapter, ULONG length, bool cached, void *context)
{
	struct ndis_shared_request *request;

	if (!may_request(adapter, length) || ndis_fail(NdisMAllocateSharedMemoryAsync, length))
		return NDIS_STATUS_FAILURE;
	request = kzalloc(sizeof(*request), ndis_gfp());
	if (!request)
		return NDIS_STATUS_FAILURE;
	request->adapter = adapter;
	request->length = length;
	request->cached = cached;
	request->context = context;
	INIT_WORK(&request->work, shared_request_work);
	if (!queue_request(request)) {
		kfree(request);
		return NDIS_STATUS_FAILURE;
	}
	return NDIS_STATUS_PENDING;
}

/*
 * Section 4.3: PENDING, and one call of MiniportAllocateComplete at DISPATCH_LEVEL, before MiniportHalt at the latest
 * (R34, R53). FAILURE, without that call: while the adapter initializes or halts, for a driver that is not a bus
 * master or has no such handler, or without memory. <= DISPATCH_LEVEL.
 */
NDIS_STATUS NdisMAllocateSharedMemoryAsync(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached,
					   PVOID Context)
{
	NDIS_STATUS status = request_shared(MiniportAdapterHandle, Length, Cached, Context);

	ndis_record(NdisMAllocateSharedMemoryAsync, Length, !!Cached, Context, 0, status);
	return status;
}

static bool may_free(const struct ndis_adapter *adapter, const struct ndis_shared_block *block, ULONG length,
		     bool cached, const void *va, dma_addr_t dma)
{
	return KeGetCurrentIrql() <= DISPATCH_LEVEL && ndis_phase_now() != NDIS_PHASE_SHUTDOWN && block &&
	       block->adapter == adapter && block->va == va && block->length == length && block->cached == cached &&
	       block->dma == dma;
}

/*
 * Section 4.3: takes all four values as allocated, but not from MiniportShutdown. Refuses anything else (R33, R41,
 * R43), and records whether the bytes behind the block were written (R45). The block's object goes at once. Above
 * PASSIVE_LEVEL, where DMA memory may not be freed, a work item frees the memory itself. <= DISPATCH_LEVEL.
 */
VOID NdisMFreeSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached, PVOID VirtualAddress,
			   NDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	struct ndis_shared_block *block = shared_find(VirtualAddress);

	ndis_record(NdisMFreeSharedMemory, Length, !!Cached, VirtualAddress, PhysicalAddress.QuadPart,
		    block && block->va == VirtualAddress && !slack_kept(block));
	if (WARN_ON_ONCE(!may_free(adapter, block, Length, Cached, VirtualAddress, PhysicalAddress.QuadPart)))
		return;
	ndis_revoke(NDIS_FN_NdisMFreeSharedMemory, block->dma, block->length, shared_access(block));
	shared_forget(block, PFN_UP(block->length));
	atomic_dec(&adapter->shared_blocks);
	if (KeGetCurrentIrql() == PASSIVE_LEVEL)
		shared_release(block);
	else
		queue_work(shared_work, &block->release);
}

/*
 * NdisMUpdateSharedMemory, section 4.3: makes what the card wrote to this part of a shared block visible to the CPU.
 * Refuses a range outside every block, or whose addresses do not belong together (R102). It is also the read barrier
 * between the ownership bit that the caller saw and the data that it reads next (section 5).
 */
VOID NdisUpdateSharedMemory(NDIS_HANDLE NdisAdapterHandle, ULONG Length, PVOID VirtualAddress,
			    NDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
	struct ndis_adapter *adapter = NdisAdapterHandle;
	struct ndis_shared_range range;

	ndis_record(NdisMUpdateSharedMemory, Length, VirtualAddress, PhysicalAddress.QuadPart, 0, 0);
	ndis_cache_tick();
	if (WARN_ON_ONCE(!ndis_shared_lookup(VirtualAddress, Length, &range) ||
			 range.dma != (dma_addr_t)PhysicalAddress.QuadPart))
		return;
	if (range.split)
		ndis_split_invalidate(range.split, VirtualAddress, Length);
	else if (range.cached)
		dma_sync_single_for_cpu(&adapter->pdev->dev, range.dma, Length, DMA_FROM_DEVICE);
	/* The caller's next loads must not come before the sync. */
	dma_rmb();
}
