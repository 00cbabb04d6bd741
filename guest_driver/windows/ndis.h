/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a miniport's <ndis.h> finds first on Windows: mingw-w64's genuine headers with their defects corrected.
 * Every defect is in mingw-w64 10 (Debian 12) and in 12 (Debian 13).
 */
#ifndef NICRIG_WINDOWS_NDIS_H
#define NICRIG_WINDOWS_NDIS_H

/* wdm.h compares with a name that no header defines, so older Windows too gets Vista's part of a structure. */
#define NTDDI_WINVISTA NTDDI_VISTA

#include <ntddk.h>

/* ntddndis.h and ndis.h, which includes it, both define this enumeration: the first one gets other names. */
#define _NDIS_REQUEST_TYPE              _NTDD_REQUEST_TYPE
#define NDIS_REQUEST_TYPE               NTDD_REQUEST_TYPE
#define PNDIS_REQUEST_TYPE              PNTDD_REQUEST_TYPE
#define NdisRequestQueryInformation     NtddRequestQueryInformation
#define NdisRequestSetInformation       NtddRequestSetInformation
#define NdisRequestQueryStatistics      NtddRequestQueryStatistics
#define NdisRequestOpen                 NtddRequestOpen
#define NdisRequestClose                NtddRequestClose
#define NdisRequestSend                 NtddRequestSend
#define NdisRequestTransferData         NtddRequestTransferData
#define NdisRequestReset                NtddRequestReset
#define NdisRequestGeneric1             NtddRequestGeneric1
#define NdisRequestGeneric2             NtddRequestGeneric2
#define NdisRequestGeneric3             NtddRequestGeneric3
#define NdisRequestGeneric4             NtddRequestGeneric4
#include <ntddndis.h>
#undef _NDIS_REQUEST_TYPE
#undef NDIS_REQUEST_TYPE
#undef PNDIS_REQUEST_TYPE
#undef NdisRequestQueryInformation
#undef NdisRequestSetInformation
#undef NdisRequestQueryStatistics
#undef NdisRequestOpen
#undef NdisRequestClose
#undef NdisRequestSend
#undef NdisRequestTransferData
#undef NdisRequestReset
#undef NdisRequestGeneric1
#undef NdisRequestGeneric2
#undef NdisRequestGeneric3
#undef NdisRequestGeneric4

/* A comma is missing between its parameters. */
#define NdisMWanIndicateReceiveComplete(...) NdisMWanIndicateReceiveComplete(NDIS_HANDLE Handle, NDIS_HANDLE Context)
#include_next <ndis.h>
#undef NdisMWanIndicateReceiveComplete

/*
 * netpnp.h leaves four events out and counts the others from 0, so a miniport would take a query for the removal,
 * and ignore the removal. These are the numbers that Windows passes.
 */
#define NdisDevicePnPEventQueryRemoved          ((NDIS_DEVICE_PNP_EVENT)0)
#define NdisDevicePnPEventRemoved               ((NDIS_DEVICE_PNP_EVENT)1)
#define NdisDevicePnPEventSurpriseRemoved       ((NDIS_DEVICE_PNP_EVENT)2)
#define NdisDevicePnPEventQueryStopped          ((NDIS_DEVICE_PNP_EVENT)3)
#define NdisDevicePnPEventStopped               ((NDIS_DEVICE_PNP_EVENT)4)
#define NdisDevicePnPEventPowerProfileChanged   ((NDIS_DEVICE_PNP_EVENT)5)
#define NdisDevicePnPEventMaximum               ((NDIS_DEVICE_PNP_EVENT)6)

/* Missing on x64; on x86 it does not keep the compiler from moving loads and stores across. */
#define KeMemoryBarrier() __sync_synchronize()

/* On x86 it is declared without volatile, unlike on x64. */
#define WRITE_REGISTER_ULONG(Register, Value) WRITE_REGISTER_ULONG((PULONG)(Register), (Value))

/* In libndis, but in no header. */
NDISAPI ULONG NTAPI NdisMGetDmaAlignment(NDIS_HANDLE MiniportAdapterHandle);
NDISAPI NDIS_STATUS NTAPI NdisMRegisterDmaChannel(PNDIS_HANDLE MiniportDmaHandle, NDIS_HANDLE MiniportAdapterHandle,
						  UINT DmaChannel, BOOLEAN Dma32BitAddresses,
						  PNDIS_DMA_DESCRIPTION DmaDescription, ULONG MaximumLength);
NDISAPI VOID NTAPI NdisMDeregisterDmaChannel(NDIS_HANDLE MiniportDmaHandle);
NDISAPI VOID NTAPI NdisMStartBufferPhysicalMapping(NDIS_HANDLE MiniportAdapterHandle, PNDIS_BUFFER Buffer,
						   ULONG PhysicalMapRegister, BOOLEAN WriteToDevice,
						   PNDIS_PHYSICAL_ADDRESS_UNIT PhysicalAddressArray, PUINT ArraySize);
NDISAPI VOID NTAPI NdisMCompleteBufferPhysicalMapping(NDIS_HANDLE MiniportAdapterHandle, PNDIS_BUFFER Buffer,
						      ULONG PhysicalMapRegister);

/* A miniport's names for two functions of libndis; the second is in no header either. */
#define NdisMSetupDmaTransfer(Status, Handle, Buffer, Offset, Length, WriteToDevice) \
	NdisSetupDmaTransfer((Status), (PNDIS_HANDLE)(Handle), (Buffer), (Offset), (Length), (WriteToDevice))
#define NdisMCompleteDmaTransfer(Status, Handle, Buffer, Offset, Length, WriteToDevice) \
	NdisCompleteDmaTransfer((Status), (Handle), (Buffer), (Offset), (Length), (WriteToDevice))
NDISAPI VOID NTAPI NdisCompleteDmaTransfer(PNDIS_STATUS Status, NDIS_HANDLE NdisDmaHandle, PNDIS_BUFFER Buffer,
					   ULONG Offset, ULONG Length, BOOLEAN WriteToDevice);

/* libndis has it as stdcall on x86, which a function with variable arguments cannot be: this is its name there. */
#ifdef _X86_
NDISAPI VOID __cdecl NdisWriteErrorLogEntry(NDIS_HANDLE NdisAdapterHandle, NDIS_ERROR_CODE ErrorCode,
					    ULONG NumberOfErrorValues, ...) __asm__("NdisWriteErrorLogEntry@0");
#endif

#endif /* NICRIG_WINDOWS_NDIS_H */
