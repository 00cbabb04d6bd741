// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.1 */
#include "selftest.h"

static const UINT lengths[] = { 1, 8, 17, 100, 2000, 3000, PAGE_SIZE, PAGE_SIZE + 1, 5 * PAGE_SIZE };

static VOID plain(VOID)
{
	PVOID va, tagged;
	UINT i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CHECK(NdisAllocateMemoryWithTag(&tagged, lengths[i], SELFTEST_TAG) == NDIS_STATUS_SUCCESS);
		CHECK(selftest_placed(tagged, lengths[i]));
		CHECK(NdisAllocateMemory(&va, lengths[i], 0, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
		CHECK(selftest_placed(va, lengths[i]));
		NdisZeroMemory(va, lengths[i]);
		NdisFillMemory(tagged, lengths[i], 0xff);
		NdisFreeMemory(tagged, 0, 0);
		NdisFreeMemory(va, lengths[i], 0);
	}
}

static VOID failures(VOID)
{
	PVOID va = &va;

	CHECK(NdisAllocateMemoryWithTag(&va, 0, SELFTEST_TAG) == NDIS_STATUS_FAILURE && !va);
	va = &va;
	CHECK(NdisAllocateMemoryWithTag(&va, 16, 0) == NDIS_STATUS_FAILURE && !va);
	va = &va;
	CHECK(NdisAllocateMemoryWithTag(&va, 0xffffffff, SELFTEST_TAG) == NDIS_STATUS_FAILURE && !va);
	va = &va;
	CHECK(NdisAllocateMemory(&va, 0, 0, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
	va = &va;
	CHECK(NdisAllocateMemory(&va, 0xffffffff, 0, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
	va = &va;
	CHECK(NdisAllocateMemory(&va, 0xfffff000, NDIS_MEMORY_CONTIGUOUS, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
	va = &va;
	CHECK(NdisAllocateMemory(&va, 16, 4, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
}

/* R121 */
static BOOLEAN one_run(PVOID va, UINT length)
{
	ULONGLONG first = selftest_physical(va);
	UINT at;

	for (at = 0; at < length; at += PAGE_SIZE)
		if (selftest_physical((PUCHAR)va + at) != first + at)
			return FALSE;
	return selftest_aligned(va, PAGE_SIZE);
}

static VOID special(VOID)
{
	const NDIS_PHYSICAL_ADDRESS low = { .QuadPart = 0xffffff }, none = { .QuadPart = 0 };
	const UINT length = 3 * PAGE_SIZE + 1;
	UINT flags;
	PVOID va;

	for (flags = 1; flags <= (NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED); flags++) {
		CHECK(NdisAllocateMemory(&va, length, flags, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
		CHECK(!(flags & NDIS_MEMORY_CONTIGUOUS) || one_run(va, length));
		NdisFillMemory(va, length, 0xa5);
		REFUSED(NdisFreeMemory(va, length, 0));
		REFUSED(NdisFreeMemory(va, length - 1, flags));
		REFUSED(AT_DISPATCH(NdisFreeMemory(va, length, flags)));
		NdisFreeMemory(va, length, flags);
	}
	CHECK(NdisAllocateMemory(&va, length, NDIS_MEMORY_CONTIGUOUS, low) == NDIS_STATUS_SUCCESS);
	CHECK(selftest_physical(va) + length - 1 <= (ULONGLONG)low.QuadPart);
	NdisFreeMemory(va, length, NDIS_MEMORY_CONTIGUOUS);
	CHECK(NdisAllocateMemory(&va, length, NDIS_MEMORY_CONTIGUOUS, none) == NDIS_STATUS_FAILURE && !va);
}

static VOID wrong_frees(VOID)
{
	UCHAR local;
	PVOID va;

	NdisAllocateMemoryWithTag(&va, 100, SELFTEST_TAG);
	REFUSED(NdisFreeMemory((PUCHAR)va + 16, 100, 0));
	REFUSED(NdisFreeMemory(va, 100, NDIS_MEMORY_CONTIGUOUS));
	REFUSED(NdisFreeMemory(va, 100, NDIS_MEMORY_NONCACHED));
	REFUSED(NdisFreeMemory(&local, 1, 0));
	REFUSED(NdisFreeMemory(NULL, 0, 0));
	REFUSED(ExFreePool(va));
	NdisFreeMemory(va, 100, 0);
	REFUSED(NdisFreeMemory(va, 100, 0));
}

/* R45: the store behind each block hits its guard, and is seen when the block is freed. */
static VOID stores_behind_blocks(VOID)
{
	static const UINT sizes[] = { 1, 16, 2048, PAGE_SIZE, 2 * PAGE_SIZE, 8 * PAGE_SIZE };
	UINT i, flags;
	PUCHAR bytes;
	PVOID va;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (flags = 0; flags <= (NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED); flags++) {
			CHECK(NdisAllocateMemory(&va, sizes[i], flags, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
			bytes = va;
			CHECK(bytes[sizes[i]] == bytes[0]);
			bytes[sizes[i]]++;
			NdisFreeMemory(va, sizes[i], flags);
		}
		bytes = ExAllocatePool(NonPagedPool, sizes[i]);
		CHECK(bytes && bytes[sizes[i]] == bytes[0]);
		bytes[sizes[i]]++;
		ExFreePool(bytes);
		bytes = ExAllocatePoolWithTag(PagedPool, sizes[i], SELFTEST_TAG);
		bytes[sizes[i]]++;
		ExFreePoolWithTag(bytes, SELFTEST_TAG);
	}
}

/* R44: the stores hit no stranger's memory, and are seen when the layer's quarantine is emptied. */
static VOID stores_after_free(VOID)
{
	static const UINT sizes[] = { 16, 2 * PAGE_SIZE };
	PUCHAR bytes;
	PVOID va;
	UINT i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK(NdisAllocateMemory(&va, sizes[i], 0, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
		bytes = va;
		NdisFreeMemory(va, sizes[i], 0);
		bytes[sizes[i] - 1]++;
		bytes = ExAllocatePool(NonPagedPool, sizes[i]);
		ExFreePool(bytes);
		bytes[0]++;
		bytes = ExAllocatePoolWithTag(NonPagedPool, sizes[i], SELFTEST_TAG);
		ExFreePoolWithTag(bytes, SELFTEST_TAG);
		bytes[1]++;
	}
}

/* Section 4.1: one virtual range, backed by one or more physical ones. */
static VOID plain_memory_may_be_scattered(VOID)
{
	const UINT length = 3 * PAGE_SIZE;
	PNDIS_BUFFER buffer;
	NDIS_HANDLE pool;
	NDIS_STATUS status;
	PVOID va;

	CHECK(NdisAllocateMemory(&va, length, 0, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
	CHECK(one_run(va, length) != selftest_scatters());
	NdisAllocateBufferPool(&status, &pool, 1);
	NdisAllocateBuffer(&status, &buffer, pool, va, length);
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisFreeBuffer(buffer);
	NdisFreeBufferPool(pool);
	NdisFreeMemory(va, length, 0);
	va = ExAllocatePool(NonPagedPool, length);
	CHECK(va && one_run(va, length) != selftest_scatters());
	ExFreePool(va);
}

static VOID at_dispatch(VOID)
{
	PVOID va;

	AT_DISPATCH(CHECK(NdisAllocateMemoryWithTag(&va, 100, SELFTEST_TAG) == NDIS_STATUS_SUCCESS);
		    NdisFreeMemory(va, 100, 0);
		    CHECK(NdisAllocateMemory(&va, 100, 0, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
		    NdisFreeMemory(va, 100, 0);
		    CHECK(NdisAllocateMemory(&va, 100, 1, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
		    CHECK(NdisAllocateMemory(&va, 100, 2, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va));
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	plain();
	failures();
	special();
	wrong_frees();
	stores_behind_blocks();
	stores_after_free();
	plain_memory_may_be_scattered();
	at_dispatch();
}

/* R06: special memory can only be allocated while the adapter initializes. */
static VOID run_passive(NDIS_HANDLE adapter)
{
	PVOID va;

	UNREFERENCED_PARAMETER(adapter);
	CHECK(NdisAllocateMemory(&va, 100, NDIS_MEMORY_CONTIGUOUS, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
	CHECK(NdisAllocateMemory(&va, 100, NDIS_MEMORY_NONCACHED, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
	CHECK(NdisAllocateMemory(&va, 100, 0, SELFTEST_ANY) == NDIS_STATUS_SUCCESS);
	NdisFreeMemory(va, 100, 0);
}

static PVOID kept;

static VOID run(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	CHECK(NdisAllocateMemoryWithTag(&kept, 100, SELFTEST_TAG) == NDIS_STATUS_SUCCESS);
}

static VOID run_device(NDIS_HANDLE adapter)
{
	PVOID va = &va;

	UNREFERENCED_PARAMETER(adapter);
	CHECK(NdisAllocateMemoryWithTag(&va, 100, SELFTEST_TAG) == NDIS_STATUS_FAILURE && !va);
	va = &va;
	CHECK(NdisAllocateMemory(&va, 100, 0, SELFTEST_ANY) == NDIS_STATUS_FAILURE && !va);
	REFUSED(NdisFreeMemory(kept, 100, 0));
}

static VOID halt(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisFreeMemory(kept, 100, 0);
}

const struct selftest_scenario selftest_memory = {
	.name = "memory",
	.initialize = initialize,
	.run = run,
	.run_passive = run_passive,
	.run_device = run_device,
	.halt = halt,
};
