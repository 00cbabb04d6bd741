// SPDX-License-Identifier: GPL-2.0-or-later
/* DriverEntry: registers the miniport with NDIS. */
#include "miniport.h"

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
	NDIS_MINIPORT_CHARACTERISTICS miniport;
	NDIS_HANDLE wrapper;
	NDIS_STATUS status;

	NdisMInitializeWrapper(&wrapper, DriverObject, RegistryPath, NULL);

	NdisZeroMemory(&miniport, sizeof(miniport));
	miniport.MajorNdisVersion = 5;
	miniport.MinorNdisVersion = 1;
	miniport.CheckForHangHandler = MiniportCheckForHang;
	miniport.DisableInterruptHandler = MiniportDisableInterrupt;
	miniport.EnableInterruptHandler = MiniportEnableInterrupt;
	miniport.HaltHandler = MiniportHalt;
	miniport.HandleInterruptHandler = MiniportHandleInterrupt;
	miniport.InitializeHandler = MiniportInitialize;
	miniport.ISRHandler = MiniportISR;
	miniport.QueryInformationHandler = MiniportQueryInformation;
	miniport.ResetHandler = MiniportReset;
	miniport.SetInformationHandler = MiniportSetInformation;
	miniport.AllocateCompleteHandler = MiniportAllocateComplete;
	miniport.ReturnPacketHandler = MiniportReturnPacket;
	miniport.SendPacketsHandler = MiniportSendPackets;
	miniport.PnPEventNotifyHandler = MiniportPnPEventNotify;
	miniport.AdapterShutdownHandler = MiniportShutdown;

	status = NdisMRegisterMiniport(wrapper, &miniport, sizeof(miniport));
	if (status != NDIS_STATUS_SUCCESS)
		NdisTerminateWrapper(wrapper, NULL);
	return status;
}
