// SPDX-License-Identifier: GPL-2.0-or-later
/* What the receive side owns: ring, buffers and their descriptors (docs/ndis51.md 8.1 steps 10 and 11). */
#include "miniport.h"

static ULONG nic_ring_bytes(const struct nic_rx *rx)
{
	return rx->size * sizeof(*rx->ring);
}

/* A block is whole pages, so a line-aligned length keeps every other datum out of the buffer's lines (R99). */
static ULONG nic_buffer_bytes(const struct nic_adapter *nic)
{
	return (NIC_RX_BUFFER_BYTES + nic->alignment - 1) / nic->alignment * nic->alignment;
}

/* Ownership: the buffer holds nothing on entry; on failure it may hold a part, which nic_rx_free() lets go. */
static NDIS_STATUS nic_rx_buffer_allocate(struct nic_adapter *nic, struct nic_rx_buffer *item)
{
	NDIS_STATUS status;

	/* TRUE: the card writes nothing but the frame there, and no two frames share a line (4.3). */
	NdisMAllocateSharedMemory(nic->handle, nic_buffer_bytes(nic), TRUE, &item->va, &item->pa);
	if (!item->va)
		return NDIS_STATUS_RESOURCES;
	NdisAllocatePacket(&status, &item->packet, nic->rx.packet_pool);
	if (status != NDIS_STATUS_SUCCESS) {
		item->packet = NULL;
		return status;
	}
	NdisAllocateBuffer(&status, &item->buffer, nic->rx.buffer_pool, item->va, NIC_RX_BUFFER_BYTES);
	if (status != NDIS_STATUS_SUCCESS) {
		item->buffer = NULL;
		return status;
	}
	NdisChainBufferAtFront(item->packet, item->buffer);
	NDIS_SET_PACKET_HEADER_SIZE(item->packet, NIC_ETHERNET_HEADER);
	*nic_rx_buffer_of(item->packet) = item;
	return NDIS_STATUS_SUCCESS;
}

/* Inverse order; the descriptor that describes the memory goes before the memory (R36). */
static VOID nic_rx_buffer_free(struct nic_adapter *nic, struct nic_rx_buffer *item)
{
	PNDIS_BUFFER buffer;

	if (item->buffer) {
		NdisAdjustBufferLength(item->buffer, NIC_RX_BUFFER_BYTES);
		NdisUnchainBufferAtFront(item->packet, &buffer);
		NdisFreeBuffer(buffer);
	}
	if (item->packet)
		NdisFreePacket(item->packet);
	if (item->va)
		NdisMFreeSharedMemory(nic->handle, nic_buffer_bytes(nic), TRUE, item->va, item->pa);
}

static NDIS_STATUS nic_rx_arrays(struct nic_rx *rx)
{
	PVOID memory;

	if (NdisAllocateMemoryWithTag(&memory, rx->size * sizeof(*rx->slots), NIC_TAG) != NDIS_STATUS_SUCCESS)
		return NDIS_STATUS_RESOURCES;
	rx->slots = memory;
	if (NdisAllocateMemoryWithTag(&memory, rx->size * sizeof(*rx->buffers), NIC_TAG) != NDIS_STATUS_SUCCESS)
		return NDIS_STATUS_RESOURCES;
	rx->buffers = memory;
	NdisZeroMemory(rx->buffers, rx->size * sizeof(*rx->buffers));
	return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS nic_rx_pools(struct nic_rx *rx)
{
	NDIS_STATUS status;

	/* Receive packets need four pointers for the protocol (4.5). */
	NdisAllocatePacketPoolEx(&status, &rx->packet_pool, rx->size, 0, 4 * sizeof(PVOID));
	if (status != NDIS_STATUS_SUCCESS) {
		rx->packet_pool = NULL;
		return status;
	}
	NdisAllocateBufferPool(&status, &rx->buffer_pool, rx->size);
	if (status != NDIS_STATUS_SUCCESS) {
		/* A buffer pool's handle may be NULL when it is good (4.6), so its pair tells whether it is there. */
		NdisFreePacketPool(rx->packet_pool);
		rx->packet_pool = NULL;
	}
	return status;
}

/* All of one size, or nothing: on failure the caller finds everything released and may ask for less. */
NDIS_STATUS nic_rx_allocate(struct nic_adapter *nic, ULONG size)
{
	struct nic_rx *rx = &nic->rx;
	NDIS_STATUS status;
	PVOID ring;
	ULONG i;

	rx->size = size;
	/* FALSE: the card writes ownership bits among the driver's own words (4.3). */
	NdisMAllocateSharedMemory(nic->handle, nic_ring_bytes(rx), FALSE, &ring, &rx->ring_pa);
	rx->ring = ring;
	status = ring ? nic_rx_arrays(rx) : NDIS_STATUS_RESOURCES;
	if (status == NDIS_STATUS_SUCCESS)
		status = nic_rx_pools(rx);
	for (i = 0; status == NDIS_STATUS_SUCCESS && i < size; i++)
		status = nic_rx_buffer_allocate(nic, &rx->buffers[i]);
	if (status != NDIS_STATUS_SUCCESS)
		nic_rx_free(nic);
	return status;
}

/* Takes whatever part nic_rx_allocate() got to. The card no longer uses the ring, and no packet is above (R28, R35). */
VOID nic_rx_free(struct nic_adapter *nic)
{
	struct nic_rx *rx = &nic->rx;
	ULONG i;

	if (rx->buffers) {
		for (i = 0; i < rx->size; i++)
			nic_rx_buffer_free(nic, &rx->buffers[i]);
	}
	if (rx->packet_pool) {
		NdisFreeBufferPool(rx->buffer_pool);
		NdisFreePacketPool(rx->packet_pool);
		rx->packet_pool = NULL;
	}
	if (rx->buffers)
		NdisFreeMemory(rx->buffers, rx->size * sizeof(*rx->buffers), 0);
	rx->buffers = NULL;
	if (rx->slots)
		NdisFreeMemory(rx->slots, rx->size * sizeof(*rx->slots), 0);
	rx->slots = NULL;
	if (rx->ring)
		NdisMFreeSharedMemory(nic->handle, nic_ring_bytes(rx), FALSE, (PVOID)rx->ring, rx->ring_pa);
	rx->ring = NULL;
}
