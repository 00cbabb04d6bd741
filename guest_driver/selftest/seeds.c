// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the two seed documents say, as calls (docs/ndis51.md section 0, SEED1 and SEED2): each life of the adapter makes
 * the calls of some sentences and no others, so that the verifier's verdict on its records is that on the sentences.
 * tests/seeds.py has the sentences, and the verdict that each must get.
 */
#include "selftest.h"

#define LENGTH 3000

static NDIS_STATUS status;
static NDIS_PHYSICAL_ADDRESS pa, other_pa;
static PVOID va, other;
static NDIS_HANDLE pool, buffers;
static PNDIS_PACKET packet;
static PNDIS_BUFFER buffer;

static VOID plain(VOID)
{
	CHECK(NdisAllocateMemory(&va, LENGTH, 0, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
	NdisFillMemory(va, LENGTH, 1);
	NdisFreeMemory(va, LENGTH, 0);
}

static VOID plain_at_both_levels(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	plain();
	AT_DISPATCH(plain());
}

static VOID plain_in_initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(configuration);
	plain_at_both_levels(adapter);
}

static VOID tagged(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisAllocateMemoryWithTag(&va, LENGTH, SELFTEST_TAG) == NDIS_STATUS_SUCCESS);
	NdisFillMemory(va, LENGTH, 1);
	NdisFreeMemory(va, LENGTH, 0);
}

static VOID flagged(VOID)
{
	UINT flags;

	for (flags = 1; flags <= (NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED); flags++) {
		CHECK(NdisAllocateMemory(&va, LENGTH, flags, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
		NdisFreeMemory(va, LENGTH, flags);
	}
}

static VOID flagged_in_initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	flagged();
}

static VOID flagged_unused(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisAllocateMemory(&va, LENGTH, NDIS_MEMORY_CONTIGUOUS, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
}

static VOID free_flagged(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisFreeMemory(va, LENGTH, NDIS_MEMORY_CONTIGUOUS);
}

static VOID contiguous(VOID)
{
	CHECK(NdisAllocateMemory(&va, LENGTH, NDIS_MEMORY_CONTIGUOUS, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
}

static VOID flagged_at_dispatch(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	AT_DISPATCH(contiguous());
}

static VOID flagged_later(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	contiguous();
}

/* The large block cannot be had; two smaller ones can. */
static VOID smaller_blocks(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisAllocateMemory(&va, 0xfffff000, NDIS_MEMORY_CONTIGUOUS, SELFTEST_ANY) == NDIS_STATUS_FAILURE);
	CHECK(NdisAllocateMemory(&va, LENGTH, NDIS_MEMORY_CONTIGUOUS, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
	CHECK(NdisAllocateMemory(&other, LENGTH, NDIS_MEMORY_CONTIGUOUS, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
	NdisFreeMemory(other, LENGTH, NDIS_MEMORY_CONTIGUOUS);
	NdisFreeMemory(va, LENGTH, NDIS_MEMORY_CONTIGUOUS);
}

/* -- the kernel's pool -------------------------------------------------------------------------------- */

static VOID pool_block(POOL_TYPE type, SIZE_T length)
{
	PUCHAR bytes = ExAllocatePool(type, length);

	CHECK(bytes && selftest_placed(bytes, length));
	if (!bytes)
		return;
	NdisFillMemory(bytes, length, 1);
	ExFreePool(bytes);
}

static VOID pool_blocks(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	pool_block(NonPagedPool, 10);
	pool_block(NonPagedPool, PAGE_SIZE);
	pool_block(NonPagedPool, PAGE_SIZE + 1);
	pool_block(PagedPool, LENGTH);
	AT_DISPATCH(pool_block(NonPagedPool, LENGTH));
}

static VOID paged_at_dispatch(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	AT_DISPATCH(CHECK(!ExAllocatePool(PagedPool, LENGTH)));
}

static VOID store_behind(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	PUCHAR bytes = ExAllocatePool(NonPagedPool, 2 * PAGE_SIZE);

	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	CHECK(bytes);
	bytes[2 * PAGE_SIZE]++;
	ExFreePool(bytes);
}

/* NULL, and the handler goes on: what needed the memory waits for another time. */
static VOID pool_delays(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	CHECK(!ExAllocatePool(NonPagedPool, (SIZE_T)1 << 40));
}

static VOID pool_later(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	pool_block(NonPagedPool, LENGTH);
}

/* -- shared memory ------------------------------------------------------------------------------------ */

static VOID share(NDIS_HANDLE adapter)
{
	NdisMAllocateSharedMemory(adapter, LENGTH, FALSE, &va, &pa);
	NdisMAllocateSharedMemory(adapter, LENGTH, TRUE, &other, &other_pa);
}

static VOID after_scatter_gather(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisMInitializeScatterGatherDma(adapter, TRUE, 1514) == NDIS_STATUS_SUCCESS);
	share(adapter);
	CHECK(va && other);
}

static VOID after_map_registers(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisMAllocateMapRegisters(adapter, 0, NDIS_DMA_32BITS, 8, 1514) == NDIS_STATUS_SUCCESS);
	share(adapter);
	CHECK(va && other);
}

static VOID without_a_gate(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(configuration);
	share(adapter);
	CHECK(!va && !other);
}

static VOID unshare(NDIS_HANDLE adapter)
{
	NdisMFreeSharedMemory(adapter, LENGTH, TRUE, other, other_pa);
	NdisMFreeSharedMemory(adapter, LENGTH, FALSE, va, pa);
}

static VOID unshare_and_free_registers(NDIS_HANDLE adapter)
{
	unshare(adapter);
	NdisMFreeMapRegisters(adapter);
}

/* -- descriptors -------------------------------------------------------------------------------------- */

static VOID descriptors(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisAllocateMemoryWithTag(&va, LENGTH, SELFTEST_TAG) == NDIS_STATUS_SUCCESS);
	NdisAllocatePacketPool(&status, &other, 4, 4 * sizeof(PVOID));
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisAllocatePacketPoolEx(&status, &pool, 4, 2, 4 * sizeof(PVOID));
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisAllocatePacket(&status, &packet, pool);
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisAllocateBufferPool(&status, &buffers, 4);
	NdisAllocateBuffer(&status, &buffer, buffers, va, LENGTH);
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisChainBufferAtFront(packet, buffer);
}

static VOID free_descriptors(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisUnchainBufferAtFront(packet, &buffer);
	NdisFreeBuffer(buffer);
	NdisFreeBufferPool(buffers);
	NdisFreePacket(packet);
	NdisFreePacketPool(pool);
	NdisFreePacketPool(other);
	NdisFreeMemory(va, LENGTH, 0);
}

#define MASTER NDIS_ATTRIBUTE_BUS_MASTER

const struct selftest_scenario selftest_seeds[] = {
	{ "plain memory", MASTER, .initialize = plain_in_initialize, .run = plain_at_both_levels,
	  .halt = plain_at_both_levels },
	{ "tagged memory", MASTER, .initialize = tagged },
	{ "flagged memory", MASTER, .initialize = flagged_in_initialize },
	{ "flagged memory left unused", MASTER, .initialize = flagged_unused, .halt = free_flagged },
	{ "flagged memory at dispatch", MASTER, .initialize = flagged_at_dispatch },
	{ "flagged memory later", MASTER, .run_passive = flagged_later },
	{ "smaller blocks", MASTER, .initialize = smaller_blocks },
	{ "pool memory", MASTER, .initialize = pool_blocks },
	{ "paged pool at dispatch", MASTER, .initialize = paged_at_dispatch },
	{ "store behind pool memory", MASTER, .initialize = store_behind },
	{ "pool memory delayed", MASTER, .run = pool_delays, .run_passive = pool_later },
	{ "shared after scatter-gather", MASTER, .initialize = after_scatter_gather, .halt = unshare },
	{ "shared after map registers", MASTER, .initialize = after_map_registers, .halt = unshare_and_free_registers },
	{ "shared without a gate", MASTER, .initialize = without_a_gate },
	{ "descriptors", MASTER, .initialize = descriptors, .halt = free_descriptors },
	{ "shared without bus master", 0, .initialize = without_a_gate },
	{ }
};
