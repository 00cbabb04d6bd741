// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.4 */
#include "selftest.h"

#define SELFTEST_BYTES 200
#define SELFTEST_MAXIMUM 150

static NDIS_STATUS status;
static NDIS_HANDLE channel, pool;
static PVOID memory, cached, noncached;
static NDIS_PHYSICAL_ADDRESS cached_pa, noncached_pa;
static PNDIS_BUFFER plain_buffer, cached_buffer, noncached_buffer;
static NDIS_DMA_DESCRIPTION description;

static NDIS_STATUS claim(NDIS_HANDLE adapter, NDIS_HANDLE *handle, ULONG maximum)
{
	*handle = &description;
	return NdisMRegisterDmaChannel(handle, adapter, 0, TRUE, &description, maximum);
}

/* R02, R03, R07: a bus master's calls fail. */
static VOID bus_masters_own(NDIS_HANDLE adapter)
{
	NDIS_PHYSICAL_ADDRESS pa;
	PVOID va;

	CHECK(NdisMInitializeScatterGatherDma(adapter, FALSE, 1514) == NDIS_STATUS_NOT_SUPPORTED);
	CHECK(NdisMAllocateMapRegisters(adapter, 0, NDIS_DMA_32BITS, 1, 100) == NDIS_STATUS_RESOURCES);
	NdisMAllocateSharedMemory(adapter, 100, FALSE, &va, &pa);
	CHECK(!va && !pa.QuadPart);
	CHECK(NdisMGetDmaAlignment(adapter) == 0);
}

static VOID claims(NDIS_HANDLE adapter)
{
	NDIS_HANDLE other;

	CHECK(claim(adapter, &other, 0) == NDIS_STATUS_FAILURE && !other);
	AT_DISPATCH(status = claim(adapter, &other, SELFTEST_MAXIMUM));
	CHECK(status == NDIS_STATUS_FAILURE && !other);
	description.DmaChannelSpecified = TRUE;
	description.DmaChannel = 5;
	CHECK(claim(adapter, &other, SELFTEST_MAXIMUM) == NDIS_STATUS_RESOURCE_CONFLICT && !other);
	description.DmaChannel = 0;
	CHECK(claim(adapter, &channel, (ULONG)-1) == NDIS_STATUS_SUCCESS && channel);
	CHECK(claim(adapter, &other, SELFTEST_MAXIMUM) == NDIS_STATUS_RESOURCE_CONFLICT && !other);
	NdisMDeregisterDmaChannel(channel);
	REFUSED(NdisMDeregisterDmaChannel(channel));
	CHECK(claim(adapter, &channel, SELFTEST_MAXIMUM) == NDIS_STATUS_SUCCESS);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(configuration);
	NdisZeroMemory(&description, sizeof(description));
	bus_masters_own(adapter);
	claims(adapter);
	NdisAllocateMemory(&memory, SELFTEST_BYTES, NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED, SELFTEST_ANY);
	NdisMAllocateSharedMemory(adapter, SELFTEST_BYTES, TRUE, &cached, &cached_pa);
	NdisMAllocateSharedMemory(adapter, SELFTEST_BYTES, FALSE, &noncached, &noncached_pa);
	CHECK(memory && cached && noncached);
	NdisAllocateBufferPool(&status, &pool, 4);
	NdisAllocateBuffer(&status, &plain_buffer, pool, memory, SELFTEST_BYTES);
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisAllocateBuffer(&status, &cached_buffer, pool, cached, SELFTEST_BYTES);
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisAllocateBuffer(&status, &noncached_buffer, pool, noncached, SELFTEST_BYTES);
	CHECK(status == NDIS_STATUS_SUCCESS);
}

static NDIS_STATUS setup(PNDIS_BUFFER buffer, ULONG offset, ULONG length, BOOLEAN write)
{
	NdisMSetupDmaTransfer(&status, channel, buffer, offset, length, write);
	return status;
}

static NDIS_STATUS complete(PNDIS_BUFFER buffer, ULONG offset, ULONG length, BOOLEAN write)
{
	NdisMCompleteDmaTransfer(&status, channel, buffer, offset, length, write);
	return status;
}

/* The card gets what the driver wrote, and the driver what the card wrote; the counter runs down meanwhile. */
static VOID transfers(PNDIS_BUFFER buffer, PUCHAR va)
{
	NdisFillMemory(va, SELFTEST_BYTES, 0x11);
	CHECK(setup(buffer, 10, 100, TRUE) == NDIS_STATUS_SUCCESS);
	CHECK(NdisMReadDmaCounter(channel) == 100);
	selftest_card_moves(60);
	CHECK(NdisMReadDmaCounter(channel) == 40);
	selftest_card_moves(40);
	CHECK(complete(buffer, 10, 100, TRUE) == NDIS_STATUS_SUCCESS);
	CHECK(selftest_card_memory[0] == 0x11 && selftest_card_memory[99] == 0x11);
	CHECK(setup(buffer, 0, 20, FALSE) == NDIS_STATUS_SUCCESS);
	NdisFillMemory(selftest_card_memory, 20, 0x22);
	selftest_card_moves(15);
	CHECK(complete(buffer, 0, 20, FALSE) == NDIS_STATUS_SUCCESS);
	CHECK(va[0] == 0x22 && va[14] == 0x22 && va[15] == 0x11);
	CHECK(NdisMReadDmaCounter(channel) == 5);
}

/* R104, R106 */
static VOID wrong_setups(VOID)
{
	CHECK(setup(plain_buffer, 0, 0, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(setup(plain_buffer, 0, SELFTEST_MAXIMUM + 1, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(setup(plain_buffer, SELFTEST_BYTES - 10, 11, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(setup(plain_buffer, SELFTEST_BYTES + 1, 1, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(setup(NULL, 0, 1, TRUE) == NDIS_STATUS_RESOURCES);
	NdisMSetupDmaTransfer(&status, NULL, plain_buffer, 0, 1, TRUE);
	CHECK(status == NDIS_STATUS_RESOURCES);
	CHECK(setup(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_SUCCESS);
	CHECK(setup(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(complete(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_SUCCESS);
}

/* R107: the channel is free afterwards, whatever the status. */
static VOID wrong_completions(VOID)
{
	CHECK(complete(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(setup(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_SUCCESS);
	CHECK(complete(plain_buffer, 0, 11, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(setup(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_SUCCESS);
	CHECK(complete(plain_buffer, 0, 10, FALSE) == NDIS_STATUS_RESOURCES);
	CHECK(setup(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_SUCCESS);
	CHECK(complete(cached_buffer, 0, 10, TRUE) == NDIS_STATUS_RESOURCES);
}

static VOID run(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	transfers(plain_buffer, memory);
	transfers(cached_buffer, cached);
	transfers(noncached_buffer, noncached);
	wrong_setups();
	wrong_completions();
	CHECK(NdisMAllocateSharedMemoryAsync(adapter, 100, FALSE, NULL) == NDIS_STATUS_FAILURE);
}

static VOID run_passive(NDIS_HANDLE adapter)
{
	NDIS_HANDLE other;

	CHECK(claim(adapter, &other, SELFTEST_MAXIMUM) == NDIS_STATUS_FAILURE && !other);
	REFUSED(NdisMDeregisterDmaChannel(channel));
}

static VOID run_device(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	CHECK(setup(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(complete(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_RESOURCES);
	CHECK(NdisMReadDmaCounter(channel) == 0);
}

static VOID halt(NDIS_HANDLE adapter)
{
	NdisMDeregisterDmaChannel(channel);
	CHECK(NdisMReadDmaCounter(channel) == 0);
	CHECK(setup(plain_buffer, 0, 10, TRUE) == NDIS_STATUS_RESOURCES);
	NdisFreeBuffer(plain_buffer);
	NdisFreeBuffer(cached_buffer);
	NdisFreeBuffer(noncached_buffer);
	NdisFreeBufferPool(pool);
	NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, TRUE, cached, cached_pa);
	NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, FALSE, noncached, noncached_pa);
	NdisFreeMemory(memory, SELFTEST_BYTES, NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED);
}

const struct selftest_scenario selftest_subordinate = {
	.name = "subordinate",
	.initialize = initialize,
	.run = run,
	.run_passive = run_passive,
	.run_device = run_device,
	.halt = halt,
};
