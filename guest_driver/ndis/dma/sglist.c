// SPDX-License-Identifier: GPL-2.0-or-later
/* The scatter-gather list that NDIS makes of every packet before the miniport gets it (docs/ndis51.md 4.3, 7). */
#include <linux/slab.h>

#include "../layer.h"

static void unmap_buffers(PNDIS_BUFFER mdl, const PNDIS_BUFFER end)
{
	for (; mdl != end; mdl = mdl->Next)
		ndis_buffer_unmap(to_ndis_buffer(mdl));
}

static SCATTER_GATHER_LIST *list_of(struct ndis_packet *packet, unsigned int elements)
{
	if (elements <= NDIS_INLINE_ELEMENTS)
		return (SCATTER_GATHER_LIST *)packet->inline_list;
	return kmalloc(struct_size_t(SCATTER_GATHER_LIST, Elements, elements), GFP_ATOMIC | __GFP_NOWARN);
}

static void free_list(struct ndis_packet *packet)
{
	if (packet->list != (void *)packet->inline_list)
		kfree(packet->list);
	packet->list = NULL;
}

/* The most elements that a chain can have. */
static unsigned int most_elements(PNDIS_BUFFER first)
{
	unsigned int count = 0;
	PNDIS_BUFFER mdl;

	for (mdl = first; mdl; mdl = mdl->Next)
		count += ndis_buffer_runs_max(to_ndis_buffer(mdl));
	return count;
}

static SCATTER_GATHER_ELEMENT *add_elements(SCATTER_GATHER_ELEMENT *element, const struct ndis_buffer *buffer)
{
	unsigned int i;

	for (i = 0; i < buffer->run_count; i++, element++) {
		element->Address.QuadPart = buffer->runs[i].dma;
		element->Length = buffer->runs[i].length;
		element->Reserved = 0;
	}
	return element;
}

/* An element for each run of each buffer. */
static bool fill_list(struct ndis_adapter *adapter, SCATTER_GATHER_LIST *list, PNDIS_BUFFER first)
{
	SCATTER_GATHER_ELEMENT *element = list->Elements;
	PNDIS_BUFFER mdl;

	for (mdl = first; mdl; mdl = mdl->Next) {
		struct ndis_buffer *buffer = to_ndis_buffer(mdl);

		if (!mdl->ByteCount)
			continue;
		if (!ndis_buffer_map(buffer, &adapter->pdev->dev, NDIS_FN_ScatterGatherElement)) {
			unmap_buffers(first, mdl);
			return false;
		}
		element = add_elements(element, buffer);
	}
	list->NumberOfElements = element - list->Elements;
	list->Reserved = 0;
	return true;
}

/*
 * INVALID_PACKET for an empty chain. In the scatter-gather model also RESOURCES without memory for the list or a
 * mapping, and INVALID_LENGTH for more bytes than the miniport declared (R104); nothing stays mapped then. In any
 * other model the miniport maps its packets itself.
 */
NDIS_STATUS ndis_packet_map(struct ndis_adapter *adapter, struct ndis_packet *packet)
{
	NDIS_PACKET_PRIVATE *private = &packet->packet.Private;

	ndis_packet_recount(&packet->packet);
	if (!private->Count || !private->TotalLength)
		return NDIS_STATUS_INVALID_PACKET;
	if (!adapter->scatter_gather)
		return NDIS_STATUS_SUCCESS;
	if (private->TotalLength > adapter->max_mapping)
		return NDIS_STATUS_INVALID_LENGTH;
	packet->list = list_of(packet, most_elements(private->Head));
	if (!packet->list)
		return NDIS_STATUS_RESOURCES;
	if (!fill_list(adapter, packet->list, private->Head)) {
		free_list(packet);
		return NDIS_STATUS_RESOURCES;
	}
	NDIS_PER_PACKET_INFO_FROM_PACKET(&packet->packet, ScatterGatherListPacketInfo) = packet->list;
	return NDIS_STATUS_SUCCESS;
}

/* After this the list is invalid (R88), and so are the addresses from map registers (R95). */
void ndis_packet_unmap(struct ndis_adapter *adapter, struct ndis_packet *packet)
{
	if (!adapter->scatter_gather) {
		ndis_map_registers_release_packet(adapter, &packet->packet);
		return;
	}
	unmap_buffers(packet->packet.Private.Head, NULL);
	NDIS_PER_PACKET_INFO_FROM_PACKET(&packet->packet, ScatterGatherListPacketInfo) = NULL;
	free_list(packet);
}
