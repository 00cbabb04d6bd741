// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.9 */
#include "selftest.h"

#define SELFTEST_OTHER_TAG 0x72746f68

static const SIZE_T lengths[] = { 1, 8, 17, 100, 2000, 3000, PAGE_SIZE, PAGE_SIZE + 1, 5 * PAGE_SIZE };

static VOID blocks(VOID)
{
	PVOID va, tagged;
	ULONG i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		va = ExAllocatePool(NonPagedPool, lengths[i]);
		tagged = ExAllocatePoolWithTag(PagedPool, lengths[i], SELFTEST_TAG);
		CHECK(va && selftest_placed(va, lengths[i]));
		CHECK(tagged && selftest_placed(tagged, lengths[i]));
		RtlZeroMemory(va, lengths[i]);
		RtlFillMemory(tagged, lengths[i], 0xff);
		ExFreePool(va);
		ExFreePoolWithTag(tagged, SELFTEST_TAG);
	}
	va = ExAllocatePool(NonPagedPoolCacheAligned, 1);
	CHECK(va && selftest_aligned(va, 64));
	ExFreePool(va);
	va = ExAllocatePool(NonPagedPool | POOL_COLD_ALLOCATION, 1);
	CHECK(va);
	ExFreePool(va);
}

static VOID failures(VOID)
{
	CHECK(!ExAllocatePool(NonPagedPool, 0));
	CHECK(!ExAllocatePool(DontUseThisType, 16));
	CHECK(!ExAllocatePool(NonPagedPoolMustSucceed, PAGE_SIZE + 1));
	CHECK(!ExAllocatePool(NonPagedPool, (SIZE_T)1 << 40));
	CHECK(!ExAllocatePool(NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE, (SIZE_T)1 << 40));
	CHECK(!ExAllocatePoolWithTag(NonPagedPool, 0, SELFTEST_TAG));
	CHECK(!ExAllocatePoolWithTag(NonPagedPool, 16, 0));
}

static VOID wrong_frees(VOID)
{
	PVOID va = ExAllocatePoolWithTag(NonPagedPool, 100, SELFTEST_TAG);

	REFUSED(ExFreePoolWithTag(va, SELFTEST_OTHER_TAG));
	REFUSED(ExFreePool((PUCHAR)va + 16));
	REFUSED(NdisFreeMemory(va, 100, 0));
	REFUSED(ExFreePool(NULL));
	ExFreePoolWithTag(va, SELFTEST_TAG);
	REFUSED(ExFreePoolWithTag(va, SELFTEST_TAG));
}

/* R64 */
static VOID at_dispatch(VOID)
{
	PVOID paged = ExAllocatePool(PagedPool, 100), va;

	AT_DISPATCH(va = ExAllocatePool(NonPagedPool, 100);
		    CHECK(va);
		    ExFreePool(va);
		    va = ExAllocatePoolWithTag(NonPagedPool, 100, SELFTEST_TAG);
		    CHECK(va);
		    ExFreePoolWithTag(va, SELFTEST_TAG);
		    CHECK(!ExAllocatePool(PagedPool, 100));
		    CHECK(!ExAllocatePoolWithTag(PagedPoolCacheAligned, 100, SELFTEST_TAG));
		    REFUSED(ExFreePool(paged)));
	ExFreePool(paged);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	blocks();
	failures();
	wrong_frees();
	at_dispatch();
}

static VOID run_device(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	CHECK(!ExAllocatePool(NonPagedPool, 100));
	CHECK(!ExAllocatePoolWithTag(NonPagedPool, 100, SELFTEST_TAG));
	REFUSED(ExFreePool(&adapter));
}

const struct selftest_scenario selftest_pool = {
	.name = "pool",
	.initialize = initialize,
	.run_device = run_device,
};
