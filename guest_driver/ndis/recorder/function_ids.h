/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the flight recorder can record.
 * Generated from controller/nicrig/verifier/functions.py by `make generate`: do not edit.
 */
#ifndef NICRIG_FUNCTION_IDS_H
#define NICRIG_FUNCTION_IDS_H

enum ndis_detail {
	NDIS_DETAIL_OFF = 0,
	NDIS_DETAIL_ALLOCATIONS = 1,
	NDIS_DETAIL_FRAMES = 2,
	NDIS_DETAIL_BYTES = 3,
};

enum ndis_kind {
	NDIS_KIND_CALL = 0,
	NDIS_KIND_ENTER = 1,
	NDIS_KIND_LEAVE = 2,
	NDIS_KIND_GRANT = 3,
	NDIS_KIND_REVOKE = 4,
};

enum ndis_phase {
	NDIS_PHASE_NONE = 0,
	NDIS_PHASE_INITIALIZE = 1,
	NDIS_PHASE_RUN = 2,
	NDIS_PHASE_HALT = 3,
	NDIS_PHASE_SHUTDOWN = 4,
	NDIS_PHASE_PROTOCOL = 5,
};

enum ndis_irql {
	NDIS_IRQL_PASSIVE = 0,
	NDIS_IRQL_APC = 1,
	NDIS_IRQL_DISPATCH = 2,
	NDIS_IRQL_DEVICE = 3,
	NDIS_IRQL_HIGH = 15,
};

enum ndis_part {
	NDIS_PART_NOTHING = 0,
	NDIS_PART_DESCRIPTOR = 1,
	NDIS_PART_BUFFERS = 2,
	NDIS_PART_PROTOCOL = 3,
	NDIS_PART_OOB = 4,
	NDIS_PART_MEDIA = 5,
	NDIS_PART_EXTENSION = 6,
};

/* The comment names the arguments, and the result after the arrow. */
enum ndis_function {
	NDIS_FN_DriverUnload = 1, /* blocks */
	NDIS_FN_MiniportInitialize = 2, /* device -> status */
	NDIS_FN_MiniportHalt = 3,
	NDIS_FN_MiniportShutdown = 4,
	NDIS_FN_MiniportReset = 5, /* -> status */
	NDIS_FN_MiniportCheckForHang = 6, /* -> value */
	NDIS_FN_MiniportQueryInformation = 7, /* oid, length -> status */
	NDIS_FN_MiniportSetInformation = 8, /* oid, length -> status */
	NDIS_FN_MiniportPnPEventNotify = 9, /* event */
	NDIS_FN_MiniportAllocateComplete = 10, /* address, physical, length, context */
	NDIS_FN_MiniportISR = 11, /* -> value */
	NDIS_FN_MiniportEnableInterrupt = 12,
	NDIS_FN_MiniportDisableInterrupt = 13,
	NDIS_FN_MiniportHandleInterrupt = 14,
	NDIS_FN_MiniportSendPackets = 15, /* packet, buffer, length, elements -> digest */
	NDIS_FN_MiniportReturnPacket = 16, /* packet, changed */
	NDIS_FN_MiniportTimer = 17, /* timer */
	NDIS_FN_ScatterGatherElement = 18, /* packet, index, physical, length */
	NDIS_FN_NdisAllocateMemory = 19, /* address, length, flags, highest -> status */
	NDIS_FN_NdisAllocateMemoryWithTag = 20, /* address, length, tag -> status */
	NDIS_FN_NdisFreeMemory = 21, /* address, length, flags, beyond */
	NDIS_FN_NdisMSetAttributesEx = 22, /* context, hang, flags, bus */
	NDIS_FN_NdisMInitializeScatterGatherDma = 23, /* dma64, maximum -> status */
	NDIS_FN_NdisMAllocateMapRegisters = 24, /* channel, size, base, maximum -> status */
	NDIS_FN_NdisMFreeMapRegisters = 25,
	NDIS_FN_NdisMAllocateSharedMemory = 26, /* length, cached, physical -> address */
	NDIS_FN_NdisMAllocateSharedMemoryAsync = 27, /* length, cached, context -> status */
	NDIS_FN_NdisMFreeSharedMemory = 28, /* length, cached, address, physical -> value */
	NDIS_FN_NdisMUpdateSharedMemory = 29, /* length, address, physical */
	NDIS_FN_NdisFlushBuffer = 30, /* buffer, address, length, write */
	NDIS_FN_NdisMGetDmaAlignment = 31, /* -> count */
	NDIS_FN_NdisMStartBufferPhysicalMapping = 32, /* buffer, index_write, physical, length -> count */
	NDIS_FN_NdisMCompleteBufferPhysicalMapping = 33, /* buffer, index */
	NDIS_FN_NdisMRegisterDmaChannel = 34, /* handle, channel, dma32, maximum -> status */
	NDIS_FN_NdisMDeregisterDmaChannel = 35, /* handle */
	NDIS_FN_NdisMSetupDmaTransfer = 36, /* handle, buffer, range, write -> status */
	NDIS_FN_NdisMCompleteDmaTransfer = 37, /* handle, buffer, range, write -> status */
	NDIS_FN_NdisMReadDmaCounter = 38, /* handle -> count */
	NDIS_FN_NdisAllocatePacketPool = 39, /* pool, count, reserved -> status */
	NDIS_FN_NdisAllocatePacketPoolEx = 40, /* pool, count, overflow, reserved -> status */
	NDIS_FN_NdisFreePacketPool = 41, /* pool */
	NDIS_FN_NdisPacketPoolUsage = 42, /* pool -> count */
	NDIS_FN_NdisAllocatePacket = 43, /* pool, packet -> status */
	NDIS_FN_NdisDprAllocatePacket = 44, /* pool, packet -> status */
	NDIS_FN_NdisDprAllocatePacketNonInterlocked = 45, /* pool, packet -> status */
	NDIS_FN_NdisFreePacket = 46, /* packet, head */
	NDIS_FN_NdisDprFreePacket = 47, /* packet, head */
	NDIS_FN_NdisDprFreePacketNonInterlocked = 48, /* packet, head */
	NDIS_FN_NdisReinitializePacket = 49, /* packet, head */
	NDIS_FN_NdisAllocateBufferPool = 50, /* pool, count -> status */
	NDIS_FN_NdisFreeBufferPool = 51, /* pool */
	NDIS_FN_NdisAllocateBuffer = 52, /* pool, address, length, buffer -> status */
	NDIS_FN_NdisFreeBuffer = 53, /* buffer, length */
	NDIS_FN_NdisCopyBuffer = 54, /* pool, source, range, buffer -> status */
	NDIS_FN_NdisAdjustBufferLength = 55, /* buffer, length */
	NDIS_FN_NdisChainBufferAtFront = 56, /* packet, buffer */
	NDIS_FN_NdisChainBufferAtBack = 57, /* packet, buffer */
	NDIS_FN_NdisUnchainBufferAtFront = 58, /* packet, buffer */
	NDIS_FN_NdisUnchainBufferAtBack = 59, /* packet, buffer */
	NDIS_FN_NdisQueryBuffer = 60, /* buffer -> address */
	NDIS_FN_NdisQueryBufferSafe = 61, /* buffer, priority -> address */
	NDIS_FN_NdisQueryPacket = 62, /* packet -> count */
	NDIS_FN_NdisMRegisterIoPortRange = 63, /* first, count, offset -> status */
	NDIS_FN_NdisMDeregisterIoPortRange = 64, /* first, count, offset */
	NDIS_FN_NdisRawReadPort = 65, /* port, bytes */
	NDIS_FN_NdisRawWritePort = 66, /* port, bytes */
	NDIS_FN_NdisWriteRegister = 67, /* address, value */
	NDIS_FN_NdisMMapIoSpace = 68, /* physical, length, address -> status */
	NDIS_FN_NdisMUnmapIoSpace = 69, /* address, length */
	NDIS_FN_NdisMRegisterInterrupt = 70, /* interrupt, vector, level, modes -> status */
	NDIS_FN_NdisMDeregisterInterrupt = 71, /* interrupt */
	NDIS_FN_NdisMIndicateReceivePacket = 72, /* packet, buffer, length, status -> digest */
	NDIS_FN_NdisMSendComplete = 73, /* packet, status, changed -> digest */
	NDIS_FN_NdisMIndicateStatus = 74, /* status */
	NDIS_FN_NdisMIndicateStatusComplete = 75,
	NDIS_FN_ExAllocatePool = 76, /* type, length -> address */
	NDIS_FN_ExAllocatePoolWithTag = 77, /* type, length, tag -> address */
	NDIS_FN_ExFreePool = 78, /* address, beyond */
	NDIS_FN_ExFreePoolWithTag = 79, /* address, tag, beyond */
	NDIS_FN_NdisOpenConfiguration = 80, /* handle -> status */
	NDIS_FN_NdisReadConfiguration = 81, /* handle, value -> status */
	NDIS_FN_NdisReadNetworkAddress = 82, /* handle, length -> status */
	NDIS_FN_NdisCloseConfiguration = 83, /* handle */
	NDIS_FN_NdisMQueryAdapterResources = 84, /* size -> status */
	NDIS_FN_NdisReadPciSlotInformation = 85, /* offset, length -> count */
	NDIS_FN_NdisWriteErrorLogEntry = 86, /* code */
	NDIS_FN_NdisAllocateSpinLock = 87, /* lock */
	NDIS_FN_NdisFreeSpinLock = 88, /* lock */
	NDIS_FN_NdisMInitializeTimer = 89, /* timer */
	NDIS_FN_NdisMSetTimer = 90, /* timer, milliseconds */
	NDIS_FN_NdisMSetPeriodicTimer = 91, /* timer, milliseconds */
	NDIS_FN_NdisMCancelTimer = 92, /* timer -> value */
	NDIS_FN_NdisInitializeEvent = 93, /* event */
	NDIS_FN_NdisSetEvent = 94, /* event */
	NDIS_FN_NdisResetEvent = 95, /* event */
	NDIS_FN_NdisWaitEvent = 96, /* event, milliseconds -> value */
	NDIS_FN_NdisMSleep = 97, /* microseconds */
	NDIS_FN_NdisStallExecution = 98, /* microseconds */
};

/* From which detail on each function is recorded. */
#define NDIS_DETAIL_OF_DriverUnload 1
#define NDIS_DETAIL_OF_MiniportInitialize 1
#define NDIS_DETAIL_OF_MiniportHalt 1
#define NDIS_DETAIL_OF_MiniportShutdown 1
#define NDIS_DETAIL_OF_MiniportReset 1
#define NDIS_DETAIL_OF_MiniportCheckForHang 2
#define NDIS_DETAIL_OF_MiniportQueryInformation 2
#define NDIS_DETAIL_OF_MiniportSetInformation 1
#define NDIS_DETAIL_OF_MiniportPnPEventNotify 1
#define NDIS_DETAIL_OF_MiniportAllocateComplete 1
#define NDIS_DETAIL_OF_MiniportISR 2
#define NDIS_DETAIL_OF_MiniportEnableInterrupt 2
#define NDIS_DETAIL_OF_MiniportDisableInterrupt 2
#define NDIS_DETAIL_OF_MiniportHandleInterrupt 2
#define NDIS_DETAIL_OF_MiniportSendPackets 2
#define NDIS_DETAIL_OF_MiniportReturnPacket 2
#define NDIS_DETAIL_OF_MiniportTimer 2
#define NDIS_DETAIL_OF_ScatterGatherElement 2
#define NDIS_DETAIL_OF_NdisAllocateMemory 1
#define NDIS_DETAIL_OF_NdisAllocateMemoryWithTag 1
#define NDIS_DETAIL_OF_NdisFreeMemory 1
#define NDIS_DETAIL_OF_NdisMSetAttributesEx 1
#define NDIS_DETAIL_OF_NdisMInitializeScatterGatherDma 1
#define NDIS_DETAIL_OF_NdisMAllocateMapRegisters 1
#define NDIS_DETAIL_OF_NdisMFreeMapRegisters 1
#define NDIS_DETAIL_OF_NdisMAllocateSharedMemory 1
#define NDIS_DETAIL_OF_NdisMAllocateSharedMemoryAsync 1
#define NDIS_DETAIL_OF_NdisMFreeSharedMemory 1
#define NDIS_DETAIL_OF_NdisMUpdateSharedMemory 2
#define NDIS_DETAIL_OF_NdisFlushBuffer 2
#define NDIS_DETAIL_OF_NdisMGetDmaAlignment 1
#define NDIS_DETAIL_OF_NdisMStartBufferPhysicalMapping 2
#define NDIS_DETAIL_OF_NdisMCompleteBufferPhysicalMapping 2
#define NDIS_DETAIL_OF_NdisMRegisterDmaChannel 1
#define NDIS_DETAIL_OF_NdisMDeregisterDmaChannel 1
#define NDIS_DETAIL_OF_NdisMSetupDmaTransfer 2
#define NDIS_DETAIL_OF_NdisMCompleteDmaTransfer 2
#define NDIS_DETAIL_OF_NdisMReadDmaCounter 2
#define NDIS_DETAIL_OF_NdisAllocatePacketPool 1
#define NDIS_DETAIL_OF_NdisAllocatePacketPoolEx 1
#define NDIS_DETAIL_OF_NdisFreePacketPool 1
#define NDIS_DETAIL_OF_NdisPacketPoolUsage 2
#define NDIS_DETAIL_OF_NdisAllocatePacket 1
#define NDIS_DETAIL_OF_NdisDprAllocatePacket 1
#define NDIS_DETAIL_OF_NdisDprAllocatePacketNonInterlocked 1
#define NDIS_DETAIL_OF_NdisFreePacket 1
#define NDIS_DETAIL_OF_NdisDprFreePacket 1
#define NDIS_DETAIL_OF_NdisDprFreePacketNonInterlocked 1
#define NDIS_DETAIL_OF_NdisReinitializePacket 2
#define NDIS_DETAIL_OF_NdisAllocateBufferPool 1
#define NDIS_DETAIL_OF_NdisFreeBufferPool 1
#define NDIS_DETAIL_OF_NdisAllocateBuffer 1
#define NDIS_DETAIL_OF_NdisFreeBuffer 1
#define NDIS_DETAIL_OF_NdisCopyBuffer 1
#define NDIS_DETAIL_OF_NdisAdjustBufferLength 2
#define NDIS_DETAIL_OF_NdisChainBufferAtFront 2
#define NDIS_DETAIL_OF_NdisChainBufferAtBack 2
#define NDIS_DETAIL_OF_NdisUnchainBufferAtFront 2
#define NDIS_DETAIL_OF_NdisUnchainBufferAtBack 2
#define NDIS_DETAIL_OF_NdisQueryBuffer 2
#define NDIS_DETAIL_OF_NdisQueryBufferSafe 2
#define NDIS_DETAIL_OF_NdisQueryPacket 2
#define NDIS_DETAIL_OF_NdisMRegisterIoPortRange 1
#define NDIS_DETAIL_OF_NdisMDeregisterIoPortRange 1
#define NDIS_DETAIL_OF_NdisRawReadPort 2
#define NDIS_DETAIL_OF_NdisRawWritePort 2
#define NDIS_DETAIL_OF_NdisWriteRegister 2
#define NDIS_DETAIL_OF_NdisMMapIoSpace 1
#define NDIS_DETAIL_OF_NdisMUnmapIoSpace 1
#define NDIS_DETAIL_OF_NdisMRegisterInterrupt 1
#define NDIS_DETAIL_OF_NdisMDeregisterInterrupt 1
#define NDIS_DETAIL_OF_NdisMIndicateReceivePacket 2
#define NDIS_DETAIL_OF_NdisMSendComplete 2
#define NDIS_DETAIL_OF_NdisMIndicateStatus 1
#define NDIS_DETAIL_OF_NdisMIndicateStatusComplete 1
#define NDIS_DETAIL_OF_ExAllocatePool 1
#define NDIS_DETAIL_OF_ExAllocatePoolWithTag 1
#define NDIS_DETAIL_OF_ExFreePool 1
#define NDIS_DETAIL_OF_ExFreePoolWithTag 1
#define NDIS_DETAIL_OF_NdisOpenConfiguration 1
#define NDIS_DETAIL_OF_NdisReadConfiguration 1
#define NDIS_DETAIL_OF_NdisReadNetworkAddress 1
#define NDIS_DETAIL_OF_NdisCloseConfiguration 1
#define NDIS_DETAIL_OF_NdisMQueryAdapterResources 1
#define NDIS_DETAIL_OF_NdisReadPciSlotInformation 1
#define NDIS_DETAIL_OF_NdisWriteErrorLogEntry 1
#define NDIS_DETAIL_OF_NdisAllocateSpinLock 1
#define NDIS_DETAIL_OF_NdisFreeSpinLock 1
#define NDIS_DETAIL_OF_NdisMInitializeTimer 1
#define NDIS_DETAIL_OF_NdisMSetTimer 2
#define NDIS_DETAIL_OF_NdisMSetPeriodicTimer 2
#define NDIS_DETAIL_OF_NdisMCancelTimer 1
#define NDIS_DETAIL_OF_NdisInitializeEvent 1
#define NDIS_DETAIL_OF_NdisSetEvent 1
#define NDIS_DETAIL_OF_NdisResetEvent 1
#define NDIS_DETAIL_OF_NdisWaitEvent 1
#define NDIS_DETAIL_OF_NdisMSleep 1
#define NDIS_DETAIL_OF_NdisStallExecution 2

#endif /* NICRIG_FUNCTION_IDS_H */
