// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets for received frames that have been copied into the driver's own memory (docs/ndis51.md 4.5, 4.6, 4.8). */
#include "batch.h"

static NDIS_STATUS nic_batch_pools(struct nic_batch *batch)
{
	NDIS_STATUS status;

	/* Receive packets need four pointers for the protocol (4.5). */
	NdisAllocatePacketPoolEx(&status, &batch->packet_pool, batch->size, 0, 4 * sizeof(PVOID));
	if (status != NDIS_STATUS_SUCCESS) {
		batch->packet_pool = NULL;
		return status;
	}
	NdisAllocateBufferPool(&status, &batch->buffer_pool, batch->size);
	if (status != NDIS_STATUS_SUCCESS) {
		/* A good buffer pool's handle may be NULL (4.6), so the packet pool's says whether both exist. */
		NdisFreePacketPool(batch->packet_pool);
		batch->packet_pool = NULL;
	}
	return status;
}

/* Packet and buffer number i; on failure it makes neither. */
static NDIS_STATUS nic_batch_packet(struct nic_batch *batch, ULONG i)
{
	PNDIS_PACKET packet;
	NDIS_STATUS status;

	NdisAllocatePacket(&status, &packet, batch->packet_pool);
	if (status != NDIS_STATUS_SUCCESS)
		return status;
	NdisAllocateBuffer(&status, &batch->buffers[i], batch->buffer_pool, batch->memory + i * NIC_FRAME_BYTES,
			   NIC_FRAME_BYTES);
	if (status != NDIS_STATUS_SUCCESS) {
		NdisFreePacket(packet);
		return status;
	}
	NdisChainBufferAtFront(packet, batch->buffers[i]);
	NDIS_SET_PACKET_HEADER_SIZE(packet, NIC_ETHERNET_HEADER);
	batch->packets[i] = packet;
	return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS nic_batch_create(struct nic_batch *batch, ULONG size)
{
	NDIS_STATUS status;
	PVOID memory;
	ULONG i;

	NdisZeroMemory(batch, sizeof(*batch));
	if (NdisAllocateMemoryWithTag(&memory, size * NIC_FRAME_BYTES, NIC_TAG) != NDIS_STATUS_SUCCESS)
		return NDIS_STATUS_RESOURCES;
	batch->memory = memory;
	batch->size = size;
	status = nic_batch_pools(batch);
	for (i = 0; status == NDIS_STATUS_SUCCESS && i < size; i++)
		status = nic_batch_packet(batch, i);
	if (status != NDIS_STATUS_SUCCESS)
		nic_batch_destroy(batch);
	return status;
}

/* Releases all that nic_batch_create() made, also when it failed half-way, in the inverse order (R36, R72, R73). */
VOID nic_batch_destroy(struct nic_batch *batch)
{
	PNDIS_BUFFER buffer;
	ULONG i;

	for (i = batch->size; i; i--) {
		if (!batch->packets[i - 1])
			continue;
		NdisUnchainBufferAtFront(batch->packets[i - 1], &buffer);
		NdisFreeBuffer(buffer);
		NdisFreePacket(batch->packets[i - 1]);
	}
	if (batch->packet_pool) {
		NdisFreeBufferPool(batch->buffer_pool);
		NdisFreePacketPool(batch->packet_pool);
	}
	NdisFreeMemory(batch->memory, batch->size * NIC_FRAME_BYTES, 0);
}

VOID nic_batch_add(struct nic_batch *batch, ULONG length)
{
	PNDIS_PACKET packet = batch->packets[batch->count];

	NdisAdjustBufferLength(batch->buffers[batch->count], length);
	NdisRecalculatePacketCounts(packet);
	/* RESOURCES: a protocol that keeps the frame copies it before the indication returns. */
	NDIS_SET_PACKET_STATUS(packet, NDIS_STATUS_RESOURCES);
	batch->count++;
}

/* The lengths are restored as soon as the packets are the driver's again (R76). */
VOID nic_batch_indicate(struct nic_adapter *nic, struct nic_batch *batch)
{
	ULONG i;

	if (!batch->count)
		return;
	nic->statistics.rx_ok += batch->count;
	NdisMIndicateReceivePacket(nic->handle, batch->packets, batch->count);
	for (i = 0; i < batch->count; i++)
		NdisAdjustBufferLength(batch->buffers[i], NIC_FRAME_BYTES);
	batch->count = 0;
}
