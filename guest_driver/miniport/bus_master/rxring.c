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

/* The descriptors of a buffer that has memory. <= DISPATCH_LEVEL. */
NDIS_STATUS bus_master_describe(struct bus_master *card, struct bus_master_buffer *item)
{
	NDIS_STATUS status;

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
	item->ready = TRUE;
	return NDIS_STATUS_SUCCESS;
}

/* Ownership: the buffer holds nothing on entry; on failure it may hold a part, which bus_master_rx_free() releases. */
static NDIS_STATUS allocate_buffer(struct bus_master *card, struct bus_master_buffer *item)
{
	/* TRUE: the card writes nothing but the frame there, and no two frames share a line (4.3). */
	NdisMAllocateSharedMemory(card->nic.handle, buffer_bytes(card), TRUE, &item->va, &item->pa);
	return item->va ? bus_master_describe(card, item) : NDIS_STATUS_RESOURCES;
}

/*
 * Asks for some of the buffers that MiniportInitialize left out, up to the ring's size; bus_master_allocated() gets
 * them. What cannot be asked for now is asked for next time. DISPATCH_LEVEL.
 */
VOID bus_master_rx_grow(struct bus_master *card)
{
	struct bus_master_rx *rx = &card->rx;
	ULONG left = NIC_BATCH;

	while (rx->asked < rx->size && left--) {
		if (NdisMAllocateSharedMemoryAsync(card->nic.handle, buffer_bytes(card), TRUE,
						   &rx->buffers[rx->asked]) != NDIS_STATUS_PENDING)
			return;
		rx->asked++;
	}
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

static NDIS_STATUS allocate_arrays(struct bus_master *card)
{
	struct bus_master_rx *rx = &card->rx;

	rx->slots = bus_master_memory(card, rx->size * sizeof(*rx->slots));
	if (!rx->slots)
		return NDIS_STATUS_RESOURCES;
	rx->buffers = bus_master_memory(card, rx->size * sizeof(*rx->buffers));
	if (!rx->buffers)
		return NDIS_STATUS_RESOURCES;
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
	status = ring ? allocate_arrays(card) : NDIS_STATUS_RESOURCES;
	if (status == NDIS_STATUS_SUCCESS)
		status = allocate_pools(rx);
	rx->ready = card->ways.async_memory ? size / 2 : size;
	rx->asked = rx->ready;
	for (i = 0; status == NDIS_STATUS_SUCCESS && i < rx->ready; i++)
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
		bus_master_memory_free(card, rx->buffers, rx->size * sizeof(*rx->buffers));
	rx->buffers = NULL;
	if (rx->slots)
		bus_master_memory_free(card, rx->slots, rx->size * sizeof(*rx->slots));
	rx->slots = NULL;
	if (rx->ring)
		NdisMFreeSharedMemory(card->nic.handle, ring_bytes(rx), FALSE, (PVOID)rx->ring, rx->ring_pa);
	rx->ring = NULL;
}
