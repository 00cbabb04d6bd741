// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.3: map registers */
#include "selftest.h"

#define SELFTEST_BASE 16
#define SELFTEST_MAXIMUM (2 * PAGE_SIZE + 2)    /* worst span 4: 16 * 4 is the limit */

static NDIS_STATUS status;
static PVOID shared;
static NDIS_PHYSICAL_ADDRESS shared_pa;
static PUCHAR memory;
static NDIS_HANDLE pool;
static PNDIS_BUFFER one, two;
static NDIS_HANDLE packets;
static PNDIS_PACKET packet;
static NDIS_PHYSICAL_ADDRESS_UNIT units[8];

/* Buffer `one` spans three pages; where the card gets a copy of it, that may span fewer. */
#define SELFTEST_UNITS 3

static NDIS_STATUS allocate(NDIS_HANDLE adapter, ULONG base, ULONG maximum)
{
	return NdisMAllocateMapRegisters(adapter, 0, NDIS_DMA_32BITS, base, maximum);
}

/* R11, R12, R52 */
static VOID limits(NDIS_HANDLE adapter)
{
	CHECK(allocate(adapter, 65, 1) == NDIS_STATUS_RESOURCES);
	CHECK(allocate(adapter, 33, 1512) == NDIS_STATUS_RESOURCES);
	CHECK(allocate(adapter, SELFTEST_BASE, SELFTEST_MAXIMUM + PAGE_SIZE) == NDIS_STATUS_RESOURCES);
	CHECK(allocate(adapter, SELFTEST_BASE + 1, SELFTEST_MAXIMUM) == NDIS_STATUS_RESOURCES);
	CHECK(allocate(adapter, 1, 0) == NDIS_STATUS_RESOURCES);
	CHECK(NdisMAllocateMapRegisters(adapter, 1, NDIS_DMA_32BITS, 1, 100) == NDIS_STATUS_RESOURCES);
	CHECK(NdisMAllocateMapRegisters(adapter, 0, 3, 1, 100) == NDIS_STATUS_RESOURCES);
	AT_DISPATCH(status = allocate(adapter, 1, 100));
	CHECK(status == NDIS_STATUS_RESOURCES);
	REFUSED(NdisMFreeMapRegisters(adapter));
	/* Zero map registers also open the way to shared memory. */
	CHECK(allocate(adapter, 0, 0) == NDIS_STATUS_SUCCESS);
	NdisMFreeMapRegisters(adapter);
	CHECK(NdisMAllocateMapRegisters(adapter, 0, NDIS_DMA_64BITS, 32, 1512) == NDIS_STATUS_SUCCESS);
	NdisMFreeMapRegisters(adapter);
	CHECK(allocate(adapter, SELFTEST_BASE, SELFTEST_MAXIMUM) == NDIS_STATUS_SUCCESS);
	CHECK(allocate(adapter, 1, 100) == NDIS_STATUS_RESOURCES);
	CHECK(NdisMInitializeScatterGatherDma(adapter, FALSE, 1514) == NDIS_STATUS_RESOURCES);
	CHECK(NdisMGetDmaAlignment(adapter) != 0);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	PVOID va;

	UNREFERENCED_PARAMETER(configuration);
	limits(adapter);
	NdisMAllocateSharedMemory(adapter, 100, FALSE, &shared, &shared_pa);
	CHECK(shared != NULL && NdisGetPhysicalAddressHigh(shared_pa) == 0);
	/* R30: first the shared memory, then the registers. */
	REFUSED(NdisMFreeMapRegisters(adapter));
	NdisAllocateMemoryWithTag(&va, 4 * PAGE_SIZE, SELFTEST_TAG);
	memory = va;
	NdisAllocateBufferPool(&status, &pool, 4);
	NdisAllocateBuffer(&status, &one, pool, memory + PAGE_SIZE - 10, PAGE_SIZE + 20);
	NdisAllocateBuffer(&status, &two, pool, memory, SELFTEST_MAXIMUM);
	NdisAllocatePacketPool(&status, &packets, 1, 4 * sizeof(PVOID));
	NdisAllocatePacket(&status, &packet, packets);
}

static UINT start(NDIS_HANDLE adapter, PNDIS_BUFFER buffer, ULONG index, BOOLEAN write)
{
	UINT count = 99;

	NdisMStartBufferPhysicalMapping(adapter, buffer, index, write, units, &count);
	return count;
}

static BOOLEAN mapped(UINT count)
{
	return count && count <= SELFTEST_UNITS;
}

/* R92: none of these calls maps anything. */
static VOID wrong_starts(NDIS_HANDLE adapter)
{
	PNDIS_BUFFER longer;

	REFUSED(CHECK(start(adapter, two, SELFTEST_BASE, TRUE) == 0));
	REFUSED(CHECK(start(adapter, two, 1, FALSE) == 0));
	NdisAllocateBuffer(&status, &longer, pool, memory, SELFTEST_MAXIMUM + 1);
	REFUSED(CHECK(start(adapter, longer, 1, TRUE) == 0));
	NdisFreeBuffer(longer);
	NdisAdjustBufferLength(two, 0);
	REFUSED(CHECK(start(adapter, two, 1, TRUE) == 0));
	NdisAdjustBufferLength(two, SELFTEST_MAXIMUM);
	/* While `one` has register 3: */
	REFUSED(CHECK(start(adapter, two, 3, TRUE) == 0));
	REFUSED(CHECK(start(adapter, one, 4, TRUE) == 0));
}

/* R93 */
static VOID wrong_completions(NDIS_HANDLE adapter)
{
	REFUSED(NdisMCompleteBufferPhysicalMapping(adapter, one, 4));
	REFUSED(NdisMCompleteBufferPhysicalMapping(adapter, two, 3));
	REFUSED(NdisMCompleteBufferPhysicalMapping(adapter, one, SELFTEST_BASE));
	REFUSED(NdisFreeBuffer(one));
	REFUSED(NdisMFreeMapRegisters(adapter));
}

/* R95: the driver maps the buffer and forgets to complete that; the protocol may free it nevertheless. */
static VOID send(NDIS_HANDLE adapter, PNDIS_PACKET its_packet)
{
	CHECK(!NDIS_PER_PACKET_INFO_FROM_PACKET(its_packet, ScatterGatherListPacketInfo));
	CHECK(mapped(start(adapter, one, 7, TRUE)));
	NdisMSendComplete(adapter, its_packet, NDIS_STATUS_SUCCESS);
}

static VOID forgotten_mapping(NDIS_HANDLE adapter)
{
	PNDIS_PACKET array[1] = { packet };
	PNDIS_BUFFER removed;

	NdisChainBufferAtFront(packet, one);
	REFUSED(NdisSendPackets(adapter, array, 1));
	NdisUnchainBufferAtFront(packet, &removed);
	CHECK(mapped(start(adapter, one, 7, TRUE)));
	NdisMCompleteBufferPhysicalMapping(adapter, one, 7);
}

static VOID run(NDIS_HANDLE adapter)
{
	UINT count, i, total = 0;

	count = start(adapter, one, 3, TRUE);
	CHECK(mapped(count));
	for (i = 0; i < count; i++) {
		CHECK(units[i].PhysicalAddress.QuadPart % PAGE_SIZE + units[i].Length <= PAGE_SIZE);
		total += units[i].Length;
	}
	CHECK(total == PAGE_SIZE + 20);
	NdisFlushBuffer(one, TRUE);
	wrong_starts(adapter);
	wrong_completions(adapter);
	NdisMCompleteBufferPhysicalMapping(adapter, one, 3);
	REFUSED(NdisMCompleteBufferPhysicalMapping(adapter, one, 3));
	forgotten_mapping(adapter);
	CHECK(mapped(start(adapter, two, 3, TRUE)));
}

static VOID run_device(NDIS_HANDLE adapter)
{
	REFUSED(CHECK(start(adapter, one, 5, TRUE) == 0));
	REFUSED(NdisMCompleteBufferPhysicalMapping(adapter, two, 3));
}

/* R33 */
static VOID shutdown(NDIS_HANDLE adapter)
{
	REFUSED(NdisMFreeSharedMemory(adapter, 100, FALSE, shared, shared_pa));
}

static VOID halt(NDIS_HANDLE adapter)
{
	/* R94 */
	REFUSED(NdisMFreeMapRegisters(adapter));
	NdisMCompleteBufferPhysicalMapping(adapter, two, 3);
	REFUSED(NdisMFreeMapRegisters(adapter));
	NdisMFreeSharedMemory(adapter, 100, FALSE, shared, shared_pa);
	NdisMFreeMapRegisters(adapter);
	REFUSED(NdisMFreeMapRegisters(adapter));
	NdisFreePacket(packet);
	NdisFreePacketPool(packets);
	NdisFreeBuffer(one);
	NdisFreeBuffer(two);
	NdisFreeBufferPool(pool);
	NdisFreeMemory(memory, 4 * PAGE_SIZE, 0);
}

const struct selftest_scenario selftest_mapregisters = {
	.name = "map registers",
	.attributes = NDIS_ATTRIBUTE_BUS_MASTER,
	.initialize = initialize,
	.run = run,
	.run_device = run_device,
	.send = send,
	.shutdown = shutdown,
	.halt = halt,
};
