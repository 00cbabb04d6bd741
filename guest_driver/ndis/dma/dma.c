// SPDX-License-Identifier: GPL-2.0-or-later
/* Bus-master DMA: the scatter-gather model, the alignment, and the flush of a buffer (docs/ndis51.md section 4.3). */
#include <linux/cache.h>

#include "../faults/inject.h"
#include "../layer.h"

static NDIS_STATUS initialize(struct ndis_adapter *adapter, BOOLEAN dma64, ULONG maximum)
{
	if (!adapter->attributes_set || !(adapter->attributes & NDIS_ATTRIBUTE_BUS_MASTER) ||
	    adapter->miniport->MajorNdisVersion != 5)
		return NDIS_STATUS_NOT_SUPPORTED;
	if (!ndis_may_claim(adapter) || !maximum || ndis_has_dma(adapter) ||
	    ndis_fail(NdisMInitializeScatterGatherDma, 0) ||
	    dma_set_mask_and_coherent(&adapter->pdev->dev, DMA_BIT_MASK(dma64 ? 64 : 32)))
		return NDIS_STATUS_RESOURCES;
	dma_set_max_seg_size(&adapter->pdev->dev, maximum);
	adapter->max_mapping = maximum;
	adapter->scatter_gather = true;
	return NDIS_STATUS_SUCCESS;
}

/*
 * Section 4.3: SUCCESS; NOT_SUPPORTED unless the miniport registered as 5.x and set BUS_MASTER; RESOURCES if the
 * platform cannot reach the card's addresses, for a second call, or beside map registers (R09). PASSIVE_LEVEL, inside
 * MiniportInitialize, after the attributes. There is no undo.
 */
NDIS_STATUS NdisMInitializeScatterGatherDma(NDIS_HANDLE MiniportAdapterHandle, BOOLEAN Dma64BitAddresses,
					    ULONG MaximumPhysicalMapping)
{
	NDIS_STATUS status = initialize(MiniportAdapterHandle, Dma64BitAddresses, MaximumPhysicalMapping);

	ndis_record(NdisMInitializeScatterGatherDma, !!Dma64BitAddresses, MaximumPhysicalMapping, 0, 0, status);
	return status;
}

/*
 * Section 4.3: 0 before the DMA resources exist or above PASSIVE_LEVEL. Never less than the cache line: x86 needs no
 * alignment, but the receive buffers must be laid out for machines that need it (R99).
 */
ULONG NdisMGetDmaAlignment(NDIS_HANDLE MiniportAdapterHandle)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	ULONG alignment = 0;

	if (ndis_has_dma(adapter) && KeGetCurrentIrql() == PASSIVE_LEVEL)
		alignment = max3(dma_get_cache_alignment(), L1_CACHE_BYTES, ndis_cache_line());
	ndis_record(NdisMGetDmaAlignment, 0, 0, 0, 0, alignment);
	return alignment;
}

/*
 * NdisFlushBuffer, section 4.3: TRUE (ReadOperation 0) before the card reads, FALSE before the CPU reads what the card
 * wrote. Flushes one buffer, not its chain. <= DISPATCH_LEVEL.
 *
 * Recorded so that the record never says too much while the card works on beside it: what the card read before the
 * record may be older than the stores, and what it wrote after the record is not in the CPU's view.
 */
VOID KeFlushIoBuffers(PMDL Mdl, BOOLEAN ReadOperation, BOOLEAN DmaOperation)
{
	if (ReadOperation)
		ndis_record(NdisFlushBuffer, Mdl, Mdl->MappedSystemVa, Mdl->ByteCount, FALSE, 0);
	ndis_cache_tick();
	if (DmaOperation)
		ndis_buffer_flush(to_ndis_buffer(Mdl), ReadOperation);
	if (!ReadOperation)
		ndis_record(NdisFlushBuffer, Mdl, Mdl->MappedSystemVa, Mdl->ByteCount, TRUE, 0);
}
