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

static VOID run(NDIS_HANDLE adapter)
{
	sends(adapter);
	indications(adapter);
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
