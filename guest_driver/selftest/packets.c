// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.5 */
#include "selftest.h"

#define SELFTEST_RESERVED (4 * sizeof(PVOID))

static NDIS_STATUS status;

static VOID pools(VOID)
{
	NDIS_HANDLE pool;

	NdisAllocatePacketPool(&status, &pool, 0, SELFTEST_RESERVED);
	CHECK(status == NDIS_STATUS_RESOURCES && !pool);
	NdisAllocatePacketPool(&status, &pool, 0x10000, SELFTEST_RESERVED);
	CHECK(status == NDIS_STATUS_RESOURCES && !pool);
	NdisAllocatePacketPoolEx(&status, &pool, 0x10000, 0, SELFTEST_RESERVED);
	CHECK(status == NDIS_STATUS_RESOURCES && !pool);
	NdisAllocatePacketPool(&status, &pool, 1, SELFTEST_RESERVED);
	CHECK(status == NDIS_STATUS_SUCCESS && pool);
	NdisFreePacketPool(pool);
	REFUSED(NdisFreePacketPool(pool));
	REFUSED(NdisFreePacketPool(&pool));
	AT_DISPATCH(NdisAllocatePacketPool(&status, &pool, 4, SELFTEST_RESERVED));
	CHECK(status == NDIS_STATUS_SUCCESS);
	AT_DISPATCH(NdisFreePacketPool(pool));
}

static BOOLEAN zeroed(PVOID memory, SIZE_T bytes)
{
	PUCHAR at = memory;

	while (bytes--)
		if (*at++)
			return FALSE;
	return TRUE;
}

/* R124 */
static BOOLEAN is_new(PNDIS_PACKET packet, NDIS_HANDLE pool)
{
	return packet->Private.Pool == pool && packet->Private.NdisPacketFlags & fPACKET_ALLOCATED_BY_NDIS &&
	       !packet->Private.Head && !packet->Private.ValidCounts &&
	       zeroed(packet->MiniportReserved, sizeof(packet->MiniportReserved)) &&
	       zeroed(packet->ProtocolReserved, SELFTEST_RESERVED) &&
	       zeroed(NDIS_OOB_DATA_FROM_PACKET(packet), sizeof(NDIS_PACKET_OOB_DATA)) &&
	       zeroed(NDIS_PACKET_EXTENSION_FROM_PACKET(packet), sizeof(NDIS_PACKET_EXTENSION));
}

static VOID dirty(PNDIS_PACKET packet)
{
	NdisFillMemory(packet->MiniportReserved, sizeof(packet->MiniportReserved), 0xff);
	NdisFillMemory(packet->ProtocolReserved, SELFTEST_RESERVED, 0xff);
	NDIS_SET_PACKET_STATUS(packet, NDIS_STATUS_PENDING);
}

static VOID base_and_overflow(VOID)
{
	PNDIS_PACKET packets[4];
	NDIS_HANDLE pool;
	UINT i;

	NdisAllocatePacketPoolEx(&status, &pool, 2, 1, SELFTEST_RESERVED);
	CHECK(status == NDIS_STATUS_SUCCESS && NdisPacketPoolUsage(pool) == 0);
	for (i = 0; i < 3; i++) {
		NdisAllocatePacket(&status, &packets[i], pool);
		CHECK(status == NDIS_STATUS_SUCCESS && is_new(packets[i], pool));
		dirty(packets[i]);
	}
	NdisAllocatePacket(&status, &packets[3], pool);
	CHECK(status == NDIS_STATUS_RESOURCES && !packets[3]);
	CHECK(NdisPacketPoolUsage(pool) == 3);
	REFUSED(NdisFreePacketPool(pool));
	NdisFreePacket(packets[1]);
	REFUSED(NdisFreePacket(packets[1]));
	NdisAllocatePacket(&status, &packets[1], pool);
	CHECK(status == NDIS_STATUS_SUCCESS && is_new(packets[1], pool));
	for (i = 0; i < 3; i++)
		NdisFreePacket(packets[i]);
	CHECK(NdisPacketPoolUsage(pool) == 0);
	NdisFreePacketPool(pool);
	NdisAllocatePacket(&status, &packets[0], NULL);
	CHECK(status == NDIS_STATUS_RESOURCES && !packets[0]);
}

/* R63 */
static VOID dpr(VOID)
{
	PNDIS_PACKET packet, other;
	NDIS_HANDLE pool;

	NdisAllocatePacketPool(&status, &pool, 4, SELFTEST_RESERVED);
	NdisDprAllocatePacket(&status, &packet, pool);
	CHECK(status == NDIS_STATUS_RESOURCES && !packet);
	NdisDprAllocatePacketNonInterlocked(&status, &packet, pool);
	CHECK(status == NDIS_STATUS_RESOURCES && !packet);
	AT_DISPATCH(NdisDprAllocatePacket(&status, &packet, pool);
		    CHECK(status == NDIS_STATUS_SUCCESS && is_new(packet, pool));
		    NdisDprAllocatePacketNonInterlocked(&status, &other, pool);
		    CHECK(status == NDIS_STATUS_SUCCESS && is_new(other, pool));
		    REFUSED(NdisDprFreePacketNonInterlocked(packet));
		    REFUSED(NdisDprFreePacket(other)));
	REFUSED(NdisDprFreePacket(packet));
	REFUSED(NdisDprFreePacketNonInterlocked(other));
	REFUSED(NdisFreePacket(other));
	AT_DISPATCH(NdisDprFreePacket(packet); NdisDprFreePacketNonInterlocked(other));
	CHECK(NdisPacketPoolUsage(pool) == 0);
	NdisFreePacketPool(pool);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	pools();
	base_and_overflow();
	dpr();
}

static NDIS_HANDLE kept_pool;
static PNDIS_PACKET kept;

static VOID run(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisAllocatePacketPool(&status, &kept_pool, 2, SELFTEST_RESERVED);
	NdisAllocatePacket(&status, &kept, kept_pool);
	CHECK(status == NDIS_STATUS_SUCCESS);
}

static VOID run_device(NDIS_HANDLE adapter)
{
	NDIS_HANDLE pool;
	PNDIS_PACKET packet;

	UNREFERENCED_PARAMETER(adapter);
	NdisAllocatePacketPool(&status, &pool, 4, SELFTEST_RESERVED);
	CHECK(status == NDIS_STATUS_RESOURCES && !pool);
	NdisAllocatePacket(&status, &packet, kept_pool);
	CHECK(status == NDIS_STATUS_RESOURCES && !packet);
	NdisDprAllocatePacket(&status, &packet, kept_pool);
	CHECK(status == NDIS_STATUS_RESOURCES && !packet);
	REFUSED(NdisFreePacket(kept));
	REFUSED(NdisFreePacketPool(kept_pool));
}

static VOID halt(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisFreePacket(kept);
	NdisFreePacketPool(kept_pool);
}

const struct selftest_scenario selftest_packets = {
	.name = "packets",
	.initialize = initialize,
	.run = run,
	.run_device = run_device,
	.halt = halt,
};
