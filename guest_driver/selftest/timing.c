// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 8.1: locks, timers, events, waiting */
#include "selftest.h"

static NDIS_EVENT event;
static NDIS_MINIPORT_TIMER once, again, left;
static volatile ULONG expired;

static VOID expires(PVOID SystemSpecific1, PVOID FunctionContext, PVOID SystemSpecific2, PVOID SystemSpecific3)
{
	UNREFERENCED_PARAMETER(SystemSpecific1);
	UNREFERENCED_PARAMETER(SystemSpecific2);
	UNREFERENCED_PARAMETER(SystemSpecific3);
	if (!expired) {
		CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
		CHECK(FunctionContext == &event);
	}
	expired++;
	NdisSetEvent(FunctionContext);
}

static VOID events(VOID)
{
	BOOLEAN set;

	NdisInitializeEvent(&event);
	CHECK(!NdisWaitEvent(&event, 1));
	NdisSetEvent(&event);
	CHECK(NdisWaitEvent(&event, 1));
	CHECK(NdisWaitEvent(&event, 0));
	NdisResetEvent(&event);
	CHECK(!NdisWaitEvent(&event, 1));
	AT_DISPATCH(NdisSetEvent(&event); set = NdisWaitEvent(&event, 1));
	CHECK(!set);
	CHECK(NdisWaitEvent(&event, 1));
}

static VOID single(VOID)
{
	BOOLEAN cancelled;

	expired = 0;
	NdisResetEvent(&event);
	NdisMSetTimer(&once, 5);
	CHECK(NdisWaitEvent(&event, 5000));
	CHECK(expired == 1);
	NdisMCancelTimer(&once, &cancelled);
	CHECK(!cancelled);
	NdisMSetTimer(&once, 60000);
	AT_DISPATCH(NdisMCancelTimer(&once, &cancelled));
	CHECK(cancelled);
	NdisMCancelTimer(&once, &cancelled);
	CHECK(!cancelled && expired == 1);
}

static VOID periodic(VOID)
{
	BOOLEAN cancelled;
	ULONG count;

	expired = 0;
	NdisMSetPeriodicTimer(&again, 4);
	while (expired < 3) {
		NdisResetEvent(&event);
		CHECK(NdisWaitEvent(&event, 5000));
	}
	NdisMCancelTimer(&again, &cancelled);
	CHECK(cancelled);
	count = expired;
	NdisMSleep(30000);
	CHECK(expired == count);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	NDIS_SPIN_LOCK lock;

	UNREFERENCED_PARAMETER(configuration);
	NdisAllocateSpinLock(&lock);
	CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
	NdisAcquireSpinLock(&lock);
	CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
	NdisReleaseSpinLock(&lock);
	CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
	NdisFreeSpinLock(&lock);
	NdisStallExecution(10);
	/* Refused: the CPU may not sleep there. */
	AT_DISPATCH(NdisMSleep(1000000));
	events();
	NdisMInitializeTimer(&once, adapter, expires, &event);
	NdisMInitializeTimer(&again, adapter, expires, &event);
	NdisMInitializeTimer(&left, adapter, expires, &event);
	single();
	/* A timer that is initialized again is the same timer. */
	NdisMInitializeTimer(&once, adapter, expires, &event);
	single();
	periodic();
}

static VOID run(NDIS_HANDLE adapter)
{
	NDIS_SPIN_LOCK lock;

	UNREFERENCED_PARAMETER(adapter);
	NdisAllocateSpinLock(&lock);
	NdisDprAcquireSpinLock(&lock);
	CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
	NdisDprReleaseSpinLock(&lock);
	NdisFreeSpinLock(&lock);
	expired = 0;
	NdisMSetTimer(&once, 1);
}

static VOID run_passive(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	while (!expired)
		NdisMSleep(1000);
	CHECK(expired == 1);
}

static VOID run_device(NDIS_HANDLE adapter)
{
	BOOLEAN cancelled = TRUE;

	UNREFERENCED_PARAMETER(adapter);
	CHECK(KeGetCurrentIrql() > DISPATCH_LEVEL);
	NdisMSetTimer(&once, 1);
	NdisMCancelTimer(&once, &cancelled);
	CHECK(!cancelled);
}

/* R27: left running; the layer cancels it after this. */
static VOID halt(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisMSetPeriodicTimer(&left, 60000);
}

const struct selftest_scenario selftest_timing = {
	.name = "timing",
	.initialize = initialize,
	.run = run,
	.run_passive = run_passive,
	.run_device = run_device,
	.halt = halt,
};
