// SPDX-License-Identifier: GPL-2.0-or-later
/* Subordinate DMA: the card's one channel, and the transfer that is under way on it (docs/ndis51.md section 4.4). */
#include "../faults/inject.h"
#include "../layer.h"

/* The only channel of a card. */
#define NDIS_CARD_CHANNEL 0

static NDIS_STATUS register_channel(struct ndis_adapter *adapter, const NDIS_DMA_DESCRIPTION *description,
				    BOOLEAN dma32, ULONG maximum)
{
	struct ndis_dma_channel *channel = &adapter->channel;

	/* A bus master needs a channel only on ISA; this is PCI. */
	if (!ndis_may_claim(adapter) || (adapter->attributes & NDIS_ATTRIBUTE_BUS_MASTER) || !adapter->controller ||
	    !maximum)
		return NDIS_STATUS_FAILURE;
	if (channel->registered ||
	    (description->DmaChannelSpecified && description->DmaChannel != NDIS_CARD_CHANNEL)) {
		dev_err(&adapter->pdev->dev, "DMA channel %u is taken or does not exist\n", description->DmaChannel);
		return NDIS_STATUS_RESOURCE_CONFLICT;
	}
	if (ndis_fail(NdisMRegisterDmaChannel, 0) ||
	    dma_set_mask_and_coherent(&adapter->pdev->dev, DMA_BIT_MASK(dma32 ? 32 : 24)))
		return NDIS_STATUS_RESOURCES;
	*channel = (struct ndis_dma_channel){ .adapter = adapter, .registered = true, .maximum = maximum };
	ndis_object_count(NDIS_OBJECT_DMA_CHANNEL, 1);
	return NDIS_STATUS_SUCCESS;
}

/*
 * Section 4.4: SUCCESS; RESOURCE_CONFLICT if the channel is taken or is not the card's; RESOURCES if the platform
 * cannot reach the addresses; FAILURE for a bus master, for a card without a channel, before the attributes, outside
 * MiniportInitialize or above PASSIVE_LEVEL. On failure the handle is NULL. DmaChannel is ignored.
 */
NDIS_STATUS NdisMRegisterDmaChannel(PNDIS_HANDLE MiniportDmaHandle, NDIS_HANDLE MiniportAdapterHandle,
				    UINT DmaChannel, BOOLEAN Dma32BitAddresses, PNDIS_DMA_DESCRIPTION DmaDescription,
				    ULONG MaximumLength)
{
	struct ndis_adapter *adapter = MiniportAdapterHandle;
	NDIS_STATUS status = register_channel(adapter, DmaDescription, Dma32BitAddresses, MaximumLength);

	UNREFERENCED_PARAMETER(DmaChannel);
	*MiniportDmaHandle = status == NDIS_STATUS_SUCCESS ? &adapter->channel : NULL;
	ndis_record(NdisMRegisterDmaChannel, *MiniportDmaHandle, DmaDescription->DmaChannel, Dma32BitAddresses,
		    MaximumLength, status);
	return status;
}

static enum dma_data_direction direction(bool write)
{
	return write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

static unsigned int channel_access(const struct ndis_dma_channel *channel)
{
	return NICRIG_GRANT_STREAMING | (channel->write ? NICRIG_GRANT_READ : NICRIG_GRANT_WRITE);
}

/* Noncached shared memory needs nothing, cached shared memory needs a flush, any other memory a mapping. */
static bool map_transfer(struct ndis_dma_channel *channel)
{
	struct device *dev = &channel->adapter->pdev->dev;
	void *va = (PCHAR)MmGetSystemAddressForMdl(channel->buffer) + channel->offset;
	struct ndis_shared_range range;

	channel->mapped = !ndis_shared_lookup(va, channel->length, &range);
	if (channel->mapped) {
		if (!ndis_cache_map(dev, va, channel->length, direction(channel->write), &channel->dma,
				    &channel->split))
			return false;
		if (channel->split)
			ndis_split_write_back(channel->split, va, channel->length);
		return true;
	}
	channel->dma = range.dma;
	if (range.split)
		ndis_split_write_back(range.split, va, channel->length);
	else if (range.cached)
		dma_sync_single_for_device(dev, channel->dma, channel->length, direction(channel->write));
	return true;
}

static void unmap_transfer(struct ndis_dma_channel *channel)
{
	struct device *dev = &channel->adapter->pdev->dev;
	void *va = (PCHAR)MmGetSystemAddressForMdl(channel->buffer) + channel->offset;
	struct ndis_shared_range range = {};
	struct ndis_split *split;

	if (!channel->mapped)
		ndis_shared_lookup(va, channel->length, &range);
	split = channel->mapped ? channel->split : range.split;
	if (split && !channel->write)
		ndis_split_invalidate(split, va, channel->length);
	if (channel->mapped)
		ndis_cache_unmap(dev, channel->dma, channel->length, direction(channel->write), &channel->split);
	else if (range.cached && !split)
		dma_sync_single_for_cpu(dev, channel->dma, channel->length, direction(channel->write));
}

/* R104, R106 */
static bool good_range(const struct ndis_dma_channel *channel, PNDIS_BUFFER buffer, ULONG offset, ULONG length)
{
	return buffer && length && length <= channel->maximum && offset <= buffer->ByteCount &&
	       length <= buffer->ByteCount - offset;
}

/* Lock held: the caller that makes the channel busy also programs it. */
static NDIS_STATUS set_up(struct ndis_dma_channel *channel, PNDIS_BUFFER buffer, ULONG offset, ULONG length,
			  bool write)
{
	struct ndis_adapter *adapter = channel->adapter;

	if (!channel->registered || channel->busy || !good_range(channel, buffer, offset, length) ||
	    ndis_fail(NdisMSetupDmaTransfer, length))
		return NDIS_STATUS_RESOURCES;
	channel->buffer = buffer;
	channel->offset = offset;
	channel->length = length;
	channel->write = write;
	if (!map_transfer(channel))
		return NDIS_STATUS_RESOURCES;
	channel->busy = true;
	ndis_grant(NDIS_FN_NdisMSetupDmaTransfer, channel->dma, length, channel_access(channel), 0);
	adapter->controller->program(adapter->protocol_context, channel->dma, length, write);
	return NDIS_STATUS_SUCCESS;
}

#define NDIS_RANGE(Offset, Length) ((u64)(Offset) << 32 | (Length))

/*
 * Section 4.4: SUCCESS: the memory is flushed and the channel waits for the card. RESOURCES: a transfer is under way,
 * the range is outside the buffer or beyond the channel's maximum, or there are no resources. <= DISPATCH_LEVEL.
 */
VOID NdisMSetupDmaTransfer(PNDIS_STATUS Status, NDIS_HANDLE MiniportDmaHandle, PNDIS_BUFFER Buffer, ULONG Offset,
			   ULONG Length, BOOLEAN WriteToDevice)
{
	struct ndis_dma_channel *channel = MiniportDmaHandle;
	unsigned long flags;

	*Status = NDIS_STATUS_RESOURCES;
	ndis_cache_tick();
	if (KeGetCurrentIrql() <= DISPATCH_LEVEL && channel) {
		spin_lock_irqsave(&channel->adapter->lock, flags);
		*Status = set_up(channel, Buffer, Offset, Length, WriteToDevice);
		spin_unlock_irqrestore(&channel->adapter->lock, flags);
	}
	ndis_record(NdisMSetupDmaTransfer, channel, Buffer, NDIS_RANGE(Offset, Length), !!WriteToDevice, *Status);
}

static void end_transfer(struct ndis_dma_channel *channel)
{
	struct ndis_adapter *adapter = channel->adapter;

	channel->left = adapter->controller->stop(adapter->protocol_context);
	ndis_revoke(NDIS_FN_NdisMCompleteDmaTransfer, channel->dma, channel->length, channel_access(channel));
	unmap_transfer(channel);
	channel->busy = false;
}

/* R107: with other arguments than the Setup's, the channel is released and the data is undefined. */
static NDIS_STATUS complete_transfer(struct ndis_dma_channel *channel, PNDIS_BUFFER buffer, ULONG offset,
				     ULONG length, bool write)
{
	bool same = channel->buffer == buffer && channel->offset == offset && channel->length == length &&
		    channel->write == write;

	if (!channel->registered || !channel->busy)
		return NDIS_STATUS_RESOURCES;
	end_transfer(channel);
	return same && !ndis_fail(NdisMCompleteDmaTransfer, length) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

/*
 * Section 4.4: SUCCESS: the CPU may read what the card wrote, and write what it read. RESOURCES: the channel is
 * released, but the data may be incoherent. <= DISPATCH_LEVEL.
 */
VOID NdisMCompleteDmaTransfer(PNDIS_STATUS Status, NDIS_HANDLE MiniportDmaHandle, PNDIS_BUFFER Buffer, ULONG Offset,
			      ULONG Length, BOOLEAN WriteToDevice)
{
	struct ndis_dma_channel *channel = MiniportDmaHandle;
	unsigned long flags;

	*Status = NDIS_STATUS_RESOURCES;
	ndis_cache_tick();
	if (KeGetCurrentIrql() <= DISPATCH_LEVEL && channel) {
		spin_lock_irqsave(&channel->adapter->lock, flags);
		*Status = complete_transfer(channel, Buffer, Offset, Length, WriteToDevice);
		spin_unlock_irqrestore(&channel->adapter->lock, flags);
	}
	ndis_record(NdisMCompleteDmaTransfer, channel, Buffer, NDIS_RANGE(Offset, Length), !!WriteToDevice, *Status);
}

static ULONG bytes_left(struct ndis_dma_channel *channel)
{
	struct ndis_adapter *adapter = channel->adapter;

	return channel->busy ? adapter->controller->counter(adapter->protocol_context) : channel->left;
}

/* Section 4.4: bytes left of the transfer under way, or else of the last one; 0 without a channel (R111). */
ULONG NdisMReadDmaCounter(NDIS_HANDLE MiniportDmaHandle)
{
	struct ndis_dma_channel *channel = MiniportDmaHandle;
	ULONG left = 0;
	unsigned long flags;

	if (!WARN_ON_ONCE(KeGetCurrentIrql() > DISPATCH_LEVEL || !channel || !channel->registered)) {
		spin_lock_irqsave(&channel->adapter->lock, flags);
		left = bytes_left(channel);
		spin_unlock_irqrestore(&channel->adapter->lock, flags);
	}
	ndis_record(NdisMReadDmaCounter, channel, 0, 0, 0, left);
	return left;
}

static void release(struct ndis_dma_channel *channel)
{
	unsigned long flags;

	spin_lock_irqsave(&channel->adapter->lock, flags);
	if (WARN_ON_ONCE(channel->busy))
		end_transfer(channel);
	channel->registered = false;
	spin_unlock_irqrestore(&channel->adapter->lock, flags);
	ndis_object_count(NDIS_OBJECT_DMA_CHANNEL, -1);
}

/*
 * Section 4.4: inside Initialize or Halt, PASSIVE_LEVEL, no transfer under way (R38). The handle is invalid
 * afterwards.
 */
VOID NdisMDeregisterDmaChannel(NDIS_HANDLE MiniportDmaHandle)
{
	struct ndis_dma_channel *channel = MiniportDmaHandle;

	ndis_record(NdisMDeregisterDmaChannel, channel, 0, 0, 0, 0);
	if (WARN_ON_ONCE(!channel || !channel->registered || !ndis_may_release(channel->adapter)))
		return;
	release(channel);
}

void ndis_dma_channel_check_released(struct ndis_adapter *adapter)
{
	if (WARN_ON(adapter->channel.registered))
		release(&adapter->channel);
}
