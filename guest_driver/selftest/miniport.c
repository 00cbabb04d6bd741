// SPDX-License-Identifier: GPL-2.0-or-later
/* The handlers: each calls the scenario that runs now. */
#include "selftest.h"

static NDIS_HANDLE adapter;

static NDIS_STATUS test_initialize(PNDIS_STATUS OpenErrorStatus, PUINT SelectedMediumIndex, PNDIS_MEDIUM MediumArray,
				   UINT MediumArraySize, NDIS_HANDLE MiniportAdapterHandle,
				   NDIS_HANDLE WrapperConfigurationContext)
{
	UNREFERENCED_PARAMETER(OpenErrorStatus);
	UNREFERENCED_PARAMETER(MediumArraySize);
	CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
	CHECK(MediumArray[0] == NdisMedium802_3);
	*SelectedMediumIndex = 0;
	adapter = MiniportAdapterHandle;
	if (selftest_now->before_attributes)
		selftest_now->before_attributes(adapter, WrapperConfigurationContext);
	NdisMSetAttributesEx(adapter, &adapter, 5, selftest_now->attributes | NDIS_ATTRIBUTE_DESERIALIZE,
			     NdisInterfacePci);
	if (selftest_now->initialize)
		selftest_now->initialize(adapter, WrapperConfigurationContext);
	return NDIS_STATUS_SUCCESS;
}

static VOID test_halt(NDIS_HANDLE MiniportAdapterContext)
{
	CHECK(MiniportAdapterContext == &adapter);
	CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
	if (selftest_now->halt)
		selftest_now->halt(adapter);
}

static VOID test_shutdown(PVOID ShutdownContext)
{
	UNREFERENCED_PARAMETER(ShutdownContext);
	if (selftest_now->shutdown)
		selftest_now->shutdown(adapter);
}

static NDIS_STATUS test_query(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
			      ULONG InformationBufferLength, PULONG BytesWritten, PULONG BytesNeeded)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	UNREFERENCED_PARAMETER(Oid);
	UNREFERENCED_PARAMETER(InformationBuffer);
	UNREFERENCED_PARAMETER(InformationBufferLength);
	UNREFERENCED_PARAMETER(BytesWritten);
	UNREFERENCED_PARAMETER(BytesNeeded);
	CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
	if (selftest_now->run)
		selftest_now->run(adapter);
	return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS test_set(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
			    ULONG InformationBufferLength, PULONG BytesRead, PULONG BytesNeeded)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	UNREFERENCED_PARAMETER(Oid);
	UNREFERENCED_PARAMETER(InformationBuffer);
	UNREFERENCED_PARAMETER(InformationBufferLength);
	UNREFERENCED_PARAMETER(BytesRead);
	UNREFERENCED_PARAMETER(BytesNeeded);
	return NDIS_STATUS_NOT_SUPPORTED;
}

static VOID test_event(NDIS_HANDLE MiniportAdapterContext, NDIS_DEVICE_PNP_EVENT PnPEvent, PVOID InformationBuffer,
		       ULONG InformationBufferLength)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	UNREFERENCED_PARAMETER(InformationBuffer);
	UNREFERENCED_PARAMETER(InformationBufferLength);
	CHECK(PnPEvent == NdisDevicePnPEventSurpriseRemoved);
	CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
	if (selftest_now->run_passive)
		selftest_now->run_passive(adapter);
}

/* This checks only the level of a service routine; the card never interrupts. */
static VOID test_isr(PBOOLEAN InterruptRecognized, PBOOLEAN QueueMiniportHandleInterrupt,
		     NDIS_HANDLE MiniportAdapterContext)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	*InterruptRecognized = FALSE;
	*QueueMiniportHandleInterrupt = FALSE;
}

static VOID test_handle_interrupt(NDIS_HANDLE MiniportAdapterContext)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
}

static NDIS_STATUS test_reset(PBOOLEAN AddressingReset, NDIS_HANDLE MiniportAdapterContext)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	CHECK(KeGetCurrentIrql() == DISPATCH_LEVEL);
	*AddressingReset = FALSE;
	return NDIS_STATUS_SUCCESS;
}

static VOID test_send(NDIS_HANDLE MiniportAdapterContext, PPNDIS_PACKET PacketArray, UINT NumberOfPackets)
{
	UINT i;

	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	for (i = 0; i < NumberOfPackets; i++)
		selftest_now->send(adapter, PacketArray[i]);
}

static VOID test_return(NDIS_HANDLE MiniportAdapterContext, PNDIS_PACKET Packet)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	selftest_now->returned(Packet);
}

static VOID test_allocated(NDIS_HANDLE MiniportAdapterContext, PVOID VirtualAddress,
			   PNDIS_PHYSICAL_ADDRESS PhysicalAddress, ULONG Length, PVOID Context)
{
	UNREFERENCED_PARAMETER(MiniportAdapterContext);
	selftest_now->allocated(adapter, VirtualAddress, PhysicalAddress, Length, Context);
}

static const NDIS_MINIPORT_CHARACTERISTICS good = {
	.MajorNdisVersion = 5,
	.MinorNdisVersion = 1,
	.HaltHandler = test_halt,
	.HandleInterruptHandler = test_handle_interrupt,
	.InitializeHandler = test_initialize,
	.ISRHandler = test_isr,
	.QueryInformationHandler = test_query,
	.ResetHandler = test_reset,
	.SetInformationHandler = test_set,
	.ReturnPacketHandler = test_return,
	.SendPacketsHandler = test_send,
	.AllocateCompleteHandler = test_allocated,
	.PnPEventNotifyHandler = test_event,
	.AdapterShutdownHandler = test_shutdown,
};

static VOID check_registration(NDIS_HANDLE wrapper)
{
	NDIS_MINIPORT_CHARACTERISTICS bad = good;

	CHECK(NdisMRegisterMiniport(NULL, &bad, sizeof(bad)) == NDIS_STATUS_RESOURCES);
	CHECK(NdisMRegisterMiniport(wrapper, &bad, sizeof(bad) - 1) == NDIS_STATUS_BAD_CHARACTERISTICS);
	bad.MajorNdisVersion = 4;
	CHECK(NdisMRegisterMiniport(wrapper, &bad, sizeof(bad)) == NDIS_STATUS_BAD_VERSION);
	bad = good;
	bad.HaltHandler = NULL;
	CHECK(NdisMRegisterMiniport(wrapper, &bad, sizeof(bad)) == NDIS_STATUS_BAD_CHARACTERISTICS);
}

/* After a registration is taken back, another one succeeds. */
static VOID check_termination(NDIS_HANDLE wrapper)
{
	NDIS_MINIPORT_CHARACTERISTICS characteristics = good;

	CHECK(NdisMRegisterMiniport(wrapper, &characteristics, sizeof(characteristics)) == NDIS_STATUS_SUCCESS);
	NdisTerminateWrapper(wrapper, NULL);
	NdisTerminateWrapper(NULL, NULL);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
	NDIS_MINIPORT_CHARACTERISTICS characteristics = good;
	NDIS_HANDLE wrapper;

	NdisInitializeWrapper(&wrapper, DriverObject, RegistryPath, NULL);
	check_registration(wrapper);
	check_termination(wrapper);
	return NdisMRegisterMiniport(wrapper, &characteristics, sizeof(characteristics));
}
