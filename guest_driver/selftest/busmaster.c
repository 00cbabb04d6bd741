// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.3: the scatter-gather model and shared memory */
#include "selftest.h"

#define SELFTEST_BYTES 5000
#define SELFTEST_MAXIMUM 9000

static NDIS_STATUS status;
static PVOID va;
static NDIS_PHYSICAL_ADDRESS pa;
static NDIS_EVENT allocated_event;
static ULONG asked, answered;
static NDIS_HANDLE pool;

static BOOLEAN shared(NDIS_HANDLE adapter, ULONG length, BOOLEAN cached)
{
	va = &va;
	pa.QuadPart = -1;
	NdisMAllocateSharedMemory(adapter, length, cached, &va, &pa);
	CHECK(va ? pa.QuadPart != 0 : pa.QuadPart == 0);
	return va != NULL;
}

/* R01, R02, R03: each claim before the attributes gets its documented failure. */
static VOID before_attributes(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	NDIS_DMA_DESCRIPTION description = {};
	NDIS_MINIPORT_INTERRUPT interrupt;
	NDIS_HANDLE channel;

	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisMInitializeScatterGatherDma(adapter, FALSE, SELFTEST_MAXIMUM) == NDIS_STATUS_NOT_SUPPORTED);
	CHECK(NdisMAllocateMapRegisters(adapter, 0, NDIS_DMA_32BITS, 1, 100) == NDIS_STATUS_RESOURCES);
	CHECK(!shared(adapter, SELFTEST_BYTES, FALSE));
	CHECK(NdisMGetDmaAlignment(adapter) == 0);
	CHECK(NdisMMapIoSpace(&va, adapter, pa, 4) == NDIS_STATUS_FAILURE && !va);
	CHECK(NdisMRegisterIoPortRange(&va, adapter, 0x1000, 4) == NDIS_STATUS_FAILURE && !va);
	CHECK(NdisMRegisterInterrupt(&interrupt, adapter, 0, 0, TRUE, FALSE, NdisInterruptLatched) ==
	      NDIS_STATUS_FAILURE);
	CHECK(NdisMRegisterDmaChannel(&channel, adapter, 0, TRUE, &description, 100) == NDIS_STATUS_FAILURE &&
	      !channel);
}

static VOID model(NDIS_HANDLE adapter)
{
	ULONG alignment;

	CHECK(!shared(adapter, SELFTEST_BYTES, FALSE));
	CHECK(NdisMInitializeScatterGatherDma(adapter, FALSE, 0) == NDIS_STATUS_RESOURCES);
	AT_DISPATCH(status = NdisMInitializeScatterGatherDma(adapter, FALSE, SELFTEST_MAXIMUM));
	CHECK(status == NDIS_STATUS_RESOURCES);
	CHECK(NdisMInitializeScatterGatherDma(adapter, FALSE, SELFTEST_MAXIMUM) == NDIS_STATUS_SUCCESS);
	CHECK(NdisMInitializeScatterGatherDma(adapter, FALSE, SELFTEST_MAXIMUM) == NDIS_STATUS_RESOURCES);
	CHECK(NdisMAllocateMapRegisters(adapter, 0, NDIS_DMA_32BITS, 1, 100) == NDIS_STATUS_RESOURCES);
	REFUSED(NdisMFreeMapRegisters(adapter));
	alignment = NdisMGetDmaAlignment(adapter);
	CHECK(alignment >= 16 && !(alignment & (alignment - 1)));
	AT_DISPATCH(alignment = NdisMGetDmaAlignment(adapter));
	CHECK(alignment == 0);
}

/* R122; 32-bit addresses were asked for. */
static VOID blocks(NDIS_HANDLE adapter, BOOLEAN cached)
{
	NDIS_PHYSICAL_ADDRESS other;

	CHECK(shared(adapter, SELFTEST_BYTES, cached));
	CHECK(selftest_aligned(va, PAGE_SIZE) && pa.QuadPart % PAGE_SIZE == 0);
	CHECK(NdisGetPhysicalAddressHigh(pa) == 0);
	NdisZeroMemory(va, SELFTEST_BYTES);
	NdisMUpdateSharedMemory(adapter, SELFTEST_BYTES, va, pa);
	other.QuadPart = pa.QuadPart + 100;
	NdisMUpdateSharedMemory(adapter, 100, (PUCHAR)va + 100, other);
	/* The layer warns and does nothing (R102): behind the end, and addresses that do not belong together. */
	NdisMUpdateSharedMemory(adapter, SELFTEST_BYTES, (PUCHAR)va + 100, other);
	NdisMUpdateSharedMemory(adapter, 100, va, other);
	REFUSED(NdisMFreeSharedMemory(adapter, SELFTEST_BYTES - 1, cached, va, pa));
	REFUSED(NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, !cached, va, pa));
	REFUSED(NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, cached, va, other));
	REFUSED(NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, cached, (PUCHAR)va + PAGE_SIZE, pa));
	REFUSED(NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, cached, &other, pa));
	NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, cached, va, pa);
	REFUSED(NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, cached, va, pa));
}

/* R45: there is a guard behind whole pages too. */
static VOID store_behind_a_block(NDIS_HANDLE adapter, BOOLEAN cached)
{
	CHECK(shared(adapter, PAGE_SIZE, cached));
	((PUCHAR)va)[PAGE_SIZE]++;
	NdisMFreeSharedMemory(adapter, PAGE_SIZE, cached, va, pa);
}

static VOID failures(NDIS_HANDLE adapter)
{
	BOOLEAN got;

	CHECK(!shared(adapter, 0, FALSE));
	CHECK(!shared(adapter, 0xfffff000, FALSE));
	CHECK(!shared(adapter, 0xfffff000, TRUE));
	AT_DISPATCH(got = shared(adapter, SELFTEST_BYTES, FALSE));
	CHECK(!got);
	CHECK(NdisMAllocateSharedMemoryAsync(adapter, SELFTEST_BYTES, FALSE, &asked) == NDIS_STATUS_FAILURE);
}

/* A buffer over cached shared memory is flushed both ways; one over other memory needs nothing. */
static VOID flushes(NDIS_HANDLE adapter)
{
	PNDIS_BUFFER buffer;
	PVOID plain;

	CHECK(shared(adapter, SELFTEST_BYTES, TRUE));
	NdisAllocateBufferPool(&status, &pool, 2);
	NdisAllocateBuffer(&status, &buffer, pool, (PUCHAR)va + 64, 128);
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisFlushBuffer(buffer, TRUE);
	NdisFlushBuffer(buffer, FALSE);
	NdisFreeBuffer(buffer);
	NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, TRUE, va, pa);
	NdisAllocateMemoryWithTag(&plain, 128, SELFTEST_TAG);
	NdisAllocateBuffer(&status, &buffer, pool, plain, 128);
	NdisFlushBuffer(buffer, TRUE);
	NdisFreeBuffer(buffer);
	NdisFreeMemory(plain, 128, 0);
	NdisFreeBufferPool(pool);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(configuration);
	NdisInitializeEvent(&allocated_event);
	asked = 0;
	answered = 0;
	model(adapter);
	blocks(adapter, FALSE);
	blocks(adapter, TRUE);
	store_behind_a_block(adapter, FALSE);
	store_behind_a_block(adapter, TRUE);
	failures(adapter);
	flushes(adapter);
}

/* R53: one answer for each PENDING, at DISPATCH_LEVEL, with the caller's context; the memory is freed from there. */
static VOID allocated(NDIS_HANDLE adapter, PVOID its_va, PNDIS_PHYSICAL_ADDRESS its_pa, ULONG length, PVOID context)
{
	CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
	CHECK(context == &asked);
	answered++;
	if (its_va) {
		CHECK(length == SELFTEST_BYTES && selftest_aligned(its_va, PAGE_SIZE) && its_pa->QuadPart);
		NdisMFreeSharedMemory(adapter, length, FALSE, its_va, *its_pa);
	} else {
		CHECK(!its_pa && !length);
	}
	if (answered == asked)
		NdisSetEvent(&allocated_event);
}

static NDIS_STATUS ask(NDIS_HANDLE adapter, ULONG length)
{
	return NdisMAllocateSharedMemoryAsync(adapter, length, FALSE, &asked);
}

static VOID run(NDIS_HANDLE adapter)
{
	/* More memory than there is: the completion reports it. */
	asked = 3;
	CHECK(ask(adapter, SELFTEST_BYTES) == NDIS_STATUS_PENDING);
	CHECK(ask(adapter, SELFTEST_BYTES) == NDIS_STATUS_PENDING);
	CHECK(ask(adapter, 0xfffff000) == NDIS_STATUS_PENDING);
	CHECK(ask(adapter, 0) == NDIS_STATUS_FAILURE);
}

static VOID run_passive(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	CHECK(NdisWaitEvent(&allocated_event, 5000));
	CHECK(answered == 3);
	/* R04, R05: too late. */
	CHECK(!shared(adapter, SELFTEST_BYTES, FALSE));
	CHECK(NdisMInitializeScatterGatherDma(adapter, FALSE, SELFTEST_MAXIMUM) == NDIS_STATUS_RESOURCES);
	/* R34: answered before MiniportHalt, although nothing waits. */
	asked = 5;
	CHECK(ask(adapter, SELFTEST_BYTES) == NDIS_STATUS_PENDING);
	CHECK(ask(adapter, SELFTEST_BYTES) == NDIS_STATUS_PENDING);
}

static VOID run_device(NDIS_HANDLE adapter)
{
	CHECK(ask(adapter, SELFTEST_BYTES) == NDIS_STATUS_FAILURE);
}

static VOID halt(NDIS_HANDLE adapter)
{
	CHECK(answered == 5);
	CHECK(ask(adapter, SELFTEST_BYTES) == NDIS_STATUS_FAILURE);
}

const struct selftest_scenario selftest_busmaster = {
	.name = "bus master",
	.attributes = NDIS_ATTRIBUTE_BUS_MASTER,
	.before_attributes = before_attributes,
	.initialize = initialize,
	.run = run,
	.run_passive = run_passive,
	.run_device = run_device,
	.allocated = allocated,
	.halt = halt,
};
