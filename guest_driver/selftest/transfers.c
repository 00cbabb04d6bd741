// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.8: packets that go down and up, each once, and only by their owner */
#include "selftest.h"

#define SELFTEST_BYTES 60
#define SELFTEST_MAXIMUM 100

static NDIS_STATUS status;
static NDIS_HANDLE packets, buffers;
static PNDIS_PACKET packet;
static PNDIS_BUFFER buffer;
static PUCHAR memory;
static ULONG sent, returned_count;
/* What the miniport stores into while it must not. */
static PUCHAR spoiled;

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	PVOID va;

	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisMInitializeScatterGatherDma(adapter, TRUE, SELFTEST_MAXIMUM) == NDIS_STATUS_SUCCESS);
	NdisAllocateMemoryWithTag(&va, 2 * SELFTEST_MAXIMUM, SELFTEST_TAG);
	memory = va;
	NdisAllocatePacketPool(&status, &packets, 1, 4 * sizeof(PVOID));
	NdisAllocatePacket(&status, &packet, packets);
	NdisAllocateBufferPool(&status, &buffers, 4);
	NdisAllocateBuffer(&status, &buffer, buffers, memory, SELFTEST_BYTES);
	NdisChainBufferAtFront(packet, buffer);
	sent = 0;
	returned_count = 0;
}

/* R84, R88: the list is there until the completion, which happens once. */
static VOID send(NDIS_HANDLE adapter, PNDIS_PACKET its_packet)
{
	PSCATTER_GATHER_LIST list = NDIS_PER_PACKET_INFO_FROM_PACKET(its_packet, ScatterGatherListPacketInfo);

	if (spoiled) {
		*spoiled ^= 1;
		NdisMSendComplete(adapter, its_packet, NDIS_STATUS_SUCCESS);
		return;
	}
	CHECK(its_packet == packet && list && list->NumberOfElements == sent + 1);
	CHECK(list->Elements[0].Length == SELFTEST_BYTES && list->Elements[0].Address.QuadPart);
	REFUSED(NdisFreeBuffer(buffer));
	REFUSED(NdisFreePacket(packet));
	sent++;
	NdisMSendComplete(adapter, its_packet, NDIS_STATUS_SUCCESS);
	CHECK(!NDIS_PER_PACKET_INFO_FROM_PACKET(its_packet, ScatterGatherListPacketInfo));
	CHECK(selftest_completed == NDIS_STATUS_SUCCESS);
	selftest_completed = NDIS_STATUS_PENDING;
	NdisMSendComplete(adapter, its_packet, NDIS_STATUS_SUCCESS);
	CHECK(selftest_completed == NDIS_STATUS_PENDING);
}

static VOID sends(NDIS_HANDLE adapter)
{
	PNDIS_BUFFER second, removed;
	PNDIS_PACKET array[1] = { packet };

	NdisSendPackets(adapter, array, 1);
	CHECK(sent == 1);
	NdisAllocateBuffer(&status, &second, buffers, memory + SELFTEST_MAXIMUM, SELFTEST_MAXIMUM - SELFTEST_BYTES);
	NdisChainBufferAtBack(packet, second);
	NdisSendPackets(adapter, array, 1);
	CHECK(sent == 2);
	NdisUnchainBufferAtBack(packet, &removed);
	NdisFreeBuffer(removed);
	/* R104: longer than the driver said it can map; R79: nothing in it. */
	NdisAllocateBuffer(&status, &second, buffers, memory + SELFTEST_BYTES, SELFTEST_MAXIMUM);
	NdisChainBufferAtBack(packet, second);
	NdisSendPackets(adapter, array, 1);
	CHECK(sent == 2 && selftest_completed == NDIS_STATUS_INVALID_LENGTH);
	NdisUnchainBufferAtBack(packet, &removed);
	NdisFreeBuffer(removed);
	NdisUnchainBufferAtBack(packet, &removed);
	NdisSendPackets(adapter, array, 1);
	CHECK(sent == 2 && selftest_completed == NDIS_STATUS_INVALID_PACKET);
	NdisChainBufferAtFront(packet, removed);
}

static VOID returned(PNDIS_PACKET its_packet)
{
	CHECK(its_packet == packet);
	returned_count++;
}

/* R81, R83, R124 */
static VOID indications(NDIS_HANDLE adapter)
{
	PNDIS_PACKET array[1] = { packet };

	selftest_received = 0;
	NDIS_SET_PACKET_STATUS(packet, NDIS_STATUS_RESOURCES);
	NdisMIndicateReceivePacket(adapter, array, 1);
	CHECK(selftest_received == 1 && NDIS_GET_PACKET_STATUS(packet) == NDIS_STATUS_RESOURCES);
	NdisReturnPackets(array, 1);
	CHECK(returned_count == 0);
	NDIS_SET_PACKET_STATUS(packet, NDIS_STATUS_SUCCESS);
	NdisMIndicateReceivePacket(adapter, array, 1);
	CHECK(selftest_received == 2 && NDIS_GET_PACKET_STATUS(packet) == NDIS_STATUS_PENDING);
	NdisMIndicateReceivePacket(adapter, array, 1);
	CHECK(selftest_received == 2);
	REFUSED(NdisFreePacket(packet));
	NdisReturnPackets(array, 1);
	NdisReturnPackets(array, 1);
	CHECK(returned_count == 1);
}

/* R86, R82: a store while the miniport has what is sent, and one while the protocol has what was indicated. */
static VOID spoil(NDIS_HANDLE adapter, PVOID place)
{
	PNDIS_PACKET array[1] = { packet };

	spoiled = place;
	NdisSendPackets(adapter, array, 1);
	*spoiled ^= 1;
	NDIS_SET_PACKET_STATUS(packet, NDIS_STATUS_SUCCESS);
	NdisMIndicateReceivePacket(adapter, array, 1);
	*spoiled ^= 1;
	NdisReturnPackets(array, 1);
	*spoiled ^= 1;
	spoiled = NULL;
}

/* Each part that must stay as it is, and then what either side may store into. */
static VOID stores(NDIS_HANDLE adapter)
{
	PNDIS_PACKET_OOB_DATA oob = NDIS_OOB_DATA_FROM_PACKET(packet);

	oob->MediaSpecificInformation = memory + SELFTEST_BYTES;
	oob->SizeMediaSpecificInfo = 8;
	spoil(adapter, &packet->Private.Flags);
	spoil(adapter, &buffer->ByteCount);
	spoil(adapter, packet->ProtocolReserved + 4 * sizeof(PVOID) - 1);
	spoil(adapter, &oob->HeaderSize);
	spoil(adapter, memory + SELFTEST_BYTES + 7);
	spoil(adapter, &NDIS_PER_PACKET_INFO_FROM_PACKET(packet, Ieee8021QInfo));
	spoil(adapter, packet->MiniportReserved + sizeof(packet->MiniportReserved) - 1);
	spoil(adapter, &oob->Status);
	spoil(adapter, memory);
	CHECK(packet->Private.Head == buffer);
}

/* R84, R44: stores into a packet that went back to its pool, which is seen when the pool gives it out again. */
static VOID late_stores(NDIS_HANDLE adapter)
{
	NDIS_HANDLE pool;
	PNDIS_PACKET its_packet, array[1];
	PNDIS_BUFFER its_buffer;

	NdisAllocatePacketPool(&status, &pool, 1, 4 * sizeof(PVOID));
	NdisAllocatePacket(&status, &its_packet, pool);
	NdisAllocateBuffer(&status, &its_buffer, buffers, memory, SELFTEST_BYTES);
	NdisChainBufferAtFront(its_packet, its_buffer);
	array[0] = its_packet;
	spoiled = memory;
	selftest_frees = TRUE;
	NdisSendPackets(adapter, array, 1);
	selftest_frees = FALSE;
	spoiled = NULL;
	NdisFreeBuffer(its_buffer);
	its_packet->MiniportReserved[0] = 0;
	NdisAllocatePacket(&status, array, pool);
	CHECK(array[0] == its_packet);
	NdisFreePacket(its_packet);
	NDIS_SET_PACKET_STATUS(its_packet, NDIS_STATUS_FAILURE);
	NdisFreePacketPool(pool);
}

static VOID run(NDIS_HANDLE adapter)
{
	sends(adapter);
	indications(adapter);
	stores(adapter);
	late_stores(adapter);
	NdisMIndicateStatus(adapter, NDIS_STATUS_MEDIA_CONNECT, NULL, 0);
	NdisMIndicateStatusComplete(adapter);
}

static VOID halt(NDIS_HANDLE adapter)
{
	PNDIS_BUFFER removed;

	UNREFERENCED_PARAMETER(adapter);
	NdisUnchainBufferAtFront(packet, &removed);
	NdisFreeBuffer(removed);
	NdisFreePacket(packet);
	NdisFreeBufferPool(buffers);
	NdisFreePacketPool(packets);
	NdisFreeMemory(memory, 2 * SELFTEST_MAXIMUM, 0);
}

const struct selftest_scenario selftest_transfers = {
	.name = "transfers",
	.attributes = NDIS_ATTRIBUTE_BUS_MASTER,
	.initialize = initialize,
	.run = run,
	.send = send,
	.returned = returned,
	.halt = halt,
};
