// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory of the receive side: ring, buffers and their descriptors (docs/ndis51.md 8.1 steps 10 and 11). */
#include "bus_master.h"

static ULONG ring_bytes(const struct bus_master_rx *rx)
{
	return rx->size * sizeof(*rx->ring);
}

/* A block is whole pages, so a line-aligned length keeps all other data out of the buffer's lines (R99). */
static ULONG buffer_bytes(const struct bus_master *card)
{
	return (NIC_FRAME_BYTES + card->alignment - 1) / card->alignment * card->alignment;
}

/* Ownership: the buffer holds nothing on entry; on failure it may hold a part, which bus_master_rx_free() releases. */
static NDIS_STATUS allocate_buffer(struct bus_master *card, struct bus_master_buffer *item)
{
	NDIS_STATUS status;

	/* TRUE: the card writes nothing but the frame there, and no two frames share a line (4.3). */
	NdisMAllocateSharedMemory(card->nic.handle, buffer_bytes(card), TRUE, &item->va, &item->pa);
	if (!item->va)
		return NDIS_STATUS_RESOURCES;
	NdisAllocatePacket(&status, &item->packet, card->rx.packet_pool);
	if (status != NDIS_STATUS_SUCCESS) {
		item->packet = NULL;
		return status;
	}
	NdisAllocateBuffer(&status, &item->buffer, card->rx.buffer_pool, item->va, NIC_FRAME_BYTES);
	if (status != NDIS_STATUS_SUCCESS) {
		item->buffer = NULL;
		return status;
	}
	NdisChainBufferAtFront(item->packet, item->buffer);
	NDIS_SET_PACKET_HEADER_SIZE(item->packet, NIC_ETHERNET_HEADER);
	*bus_master_buffer_of(item->packet) = item;
	return NDIS_STATUS_SUCCESS;
}

/* Inverse order; the descriptor that describes the memory goes before the memory (R36). */
static VOID free_buffer(struct bus_master *card, struct bus_master_buffer *item)
{
	PNDIS_BUFFER buffer;

	if (item->buffer) {
		NdisAdjustBufferLength(item->buffer, NIC_FRAME_BYTES);
		NdisUnchainBufferAtFront(item->packet, &buffer);
		NdisFreeBuffer(buffer);
	}
	if (item->packet)
		NdisFreePacket(item->packet);
	if (item->va)
		NdisMFreeSharedMemory(card->nic.handle, buffer_bytes(card), TRUE, item->va, item->pa);
}

static NDIS_STATUS allocate_arrays(struct bus_master_rx *rx)
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

static NDIS_STATUS allocate_pools(struct bus_master_rx *rx)
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
		/* A good buffer pool's handle may be NULL (4.6), so the packet pool's says whether both exist. */
		NdisFreePacketPool(rx->packet_pool);
		rx->packet_pool = NULL;
	}
	return status;
}

/* All of one size, or nothing: on failure everything is released, and the caller may ask for less. */
NDIS_STATUS bus_master_rx_allocate(struct nic_adapter *nic, ULONG size)
{
	struct bus_master *card = to_bus_master(nic);
	struct bus_master_rx *rx = &card->rx;
	NDIS_STATUS status;
	PVOID ring;
	ULONG i;

	rx->size = size;
	/* FALSE: the card writes ownership bits among the driver's own words (4.3). */
	NdisMAllocateSharedMemory(card->nic.handle, ring_bytes(rx), FALSE, &ring, &rx->ring_pa);
	rx->ring = ring;
	status = ring ? allocate_arrays(rx) : NDIS_STATUS_RESOURCES;
	if (status == NDIS_STATUS_SUCCESS)
		status = allocate_pools(rx);
	for (i = 0; status == NDIS_STATUS_SUCCESS && i < size; i++)
		status = allocate_buffer(card, &rx->buffers[i]);
	if (status != NDIS_STATUS_SUCCESS)
		bus_master_rx_free(card);
	return status;
}

/*
 * Releases all that bus_master_rx_allocate() made, also when it failed half-way. The card no longer uses the ring, and
 * no packet is above (R28, R35).
 */
VOID bus_master_rx_free(struct bus_master *card)
{
	struct bus_master_rx *rx = &card->rx;
	ULONG i;

	if (rx->buffers) {
		for (i = rx->size; i; i--)
			free_buffer(card, &rx->buffers[i - 1]);
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
		NdisMFreeSharedMemory(card->nic.handle, ring_bytes(rx), FALSE, (PVOID)rx->ring, rx->ring_pa);
	rx->ring = NULL;
}
