// SPDX-License-Identifier: GPL-2.0-or-later
/* The scatter-gather list that NDIS makes of every packet before the miniport sees it (docs/ndis51.md 4.3, 7). */
#include <linux/slab.h>

#include "layer.h"

static void unmap_buffers(struct ndis_adapter *adapter, PNDIS_BUFFER mdl, const PNDIS_BUFFER end)
{
	for (; mdl != end; mdl = mdl->Next) {
		struct ndis_buffer *buffer = to_ndis_buffer(mdl);

		if (!buffer->dev)
			continue;
		dma_unmap_single(&adapter->pdev->dev, buffer->dma, mdl->ByteCount, DMA_TO_DEVICE);
		buffer->dev = NULL;
	}
}

static SCATTER_GATHER_LIST *list_of(struct ndis_packet *packet, unsigned int elements)
{
	if (elements <= NDIS_INLINE_ELEMENTS)
		return (SCATTER_GATHER_LIST *)packet->inline_list;
	return kmalloc(struct_size_t(SCATTER_GATHER_LIST, Elements, elements), GFP_ATOMIC | __GFP_NOWARN);
}

/*
 * One element a buffer: each buffer is linear kernel memory, so it is one run for the device too. RESOURCES if the
 * list or a mapping cannot be had, INVALID_PACKET for an empty chain, INVALID_LENGTH for more bytes than the miniport
 * said it can map (R104); nothing stays mapped then.
 */
NDIS_STATUS ndis_packet_map(struct ndis_adapter *adapter, struct ndis_packet *packet)
{
	struct device *dev = &adapter->pdev->dev;
	SCATTER_GATHER_ELEMENT *element;
	PNDIS_BUFFER first, mdl;
	UINT buffers, total;

	NdisQueryPacket(&packet->packet, NULL, &buffers, &first, &total);
	if (!buffers || !total)
		return NDIS_STATUS_INVALID_PACKET;
	if (total > adapter->max_mapping)
		return NDIS_STATUS_INVALID_LENGTH;
	packet->list = list_of(packet, buffers);
	if (!packet->list)
		return NDIS_STATUS_RESOURCES;

	element = packet->list->Elements;
	for (mdl = first; mdl; mdl = mdl->Next) {
		struct ndis_buffer *buffer = to_ndis_buffer(mdl);

		if (!mdl->ByteCount)
			continue;
		buffer->dma = dma_map_single(dev, mdl->MappedSystemVa, mdl->ByteCount, DMA_TO_DEVICE);
		if (dma_mapping_error(dev, buffer->dma)) {
			unmap_buffers(adapter, first, mdl);
			if (packet->list != (void *)packet->inline_list)
				kfree(packet->list);
			packet->list = NULL;
			return NDIS_STATUS_RESOURCES;
		}
		buffer->dev = dev;
		element->Address.QuadPart = buffer->dma;
		element->Length = mdl->ByteCount;
		element->Reserved = 0;
		element++;
	}
	packet->list->NumberOfElements = element - packet->list->Elements;
	packet->list->Reserved = 0;
	NDIS_PER_PACKET_INFO_FROM_PACKET(&packet->packet, ScatterGatherListPacketInfo) = packet->list;
	return NDIS_STATUS_SUCCESS;
}

/* After this the list is dead (R88). */
void ndis_packet_unmap(struct ndis_adapter *adapter, struct ndis_packet *packet)
{
	unmap_buffers(adapter, packet->packet.Private.Head, NULL);
	NDIS_PER_PACKET_INFO_FROM_PACKET(&packet->packet, ScatterGatherListPacketInfo) = NULL;
	if (packet->list != (void *)packet->inline_list)
		kfree(packet->list);
	packet->list = NULL;
}
