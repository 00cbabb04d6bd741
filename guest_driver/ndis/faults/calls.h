/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which calls can be made to fail (inject.c), and which can be mutated (mutable.c).
 * Generated from controller/nicrig/verifier/functions.py by `make generate`: do not edit.
 */
#ifndef NICRIG_CALLS_H
#define NICRIG_CALLS_H

/* CALL(name) */
#define NDIS_FAILING_CALLS(CALL) \
CALL(MiniportAllocateComplete) \
CALL(NdisAllocateMemory) \
CALL(NdisAllocateMemoryWithTag) \
CALL(NdisMInitializeScatterGatherDma) \
CALL(NdisMAllocateMapRegisters) \
CALL(NdisMAllocateSharedMemory) \
CALL(NdisMAllocateSharedMemoryAsync) \
CALL(NdisMStartBufferPhysicalMapping) \
CALL(NdisMRegisterDmaChannel) \
CALL(NdisMSetupDmaTransfer) \
CALL(NdisMCompleteDmaTransfer) \
CALL(NdisAllocatePacketPool) \
CALL(NdisAllocatePacketPoolEx) \
CALL(NdisAllocatePacket) \
CALL(NdisDprAllocatePacket) \
CALL(NdisDprAllocatePacketNonInterlocked) \
CALL(NdisAllocateBufferPool) \
CALL(NdisAllocateBuffer) \
CALL(NdisCopyBuffer) \
CALL(NdisQueryBufferSafe) \
CALL(NdisMRegisterIoPortRange) \
CALL(NdisMMapIoSpace) \
CALL(NdisMRegisterInterrupt) \
CALL(ExAllocatePool) \
CALL(ExAllocatePoolWithTag) \
CALL(NdisOpenConfiguration) \
CALL(NdisReadConfiguration) \
CALL(NdisReadNetworkAddress)

/* CALL(how many arguments, result, name, C function, call, letter per argument, type, name, ...) */
#define NDIS_MUTABLE_CALLS(CALL) \
CALL(4, NDIS_STATUS, NdisAllocateMemory, NdisAllocateMemory, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hnfh", PVOID *, \
     VirtualAddress, UINT, Length, UINT, MemoryFlags, NDIS_PHYSICAL_ADDRESS, HighestAcceptableAddress) \
CALL(3, NDIS_STATUS, NdisAllocateMemoryWithTag, NdisAllocateMemoryWithTag, NDIS_MAY_REPEAT, "hgf", PVOID *, \
     VirtualAddress, UINT, Length, ULONG, Tag) \
CALL(3, VOID, NdisFreeMemory, NdisFreeMemory, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | NDIS_MAY_RAISE, \
     "bnf", PVOID, VirtualAddress, UINT, Length, UINT, MemoryFlags) \
CALL(5, VOID, NdisMSetAttributesEx, NdisMSetAttributesEx, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "hhnfh", NDIS_HANDLE, MiniportAdapterHandle, NDIS_HANDLE, MiniportAdapterContext, UINT, \
     CheckForHangTimeInSeconds, ULONG, AttributeFlags, NDIS_INTERFACE_TYPE, AdapterType) \
CALL(3, NDIS_STATUS, NdisMInitializeScatterGatherDma, NdisMInitializeScatterGatherDma, NDIS_MAY_SKIP | \
     NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hfn", NDIS_HANDLE, MiniportAdapterHandle, BOOLEAN, Dma64BitAddresses, ULONG, \
     MaximumPhysicalMapping) \
CALL(5, NDIS_STATUS, NdisMAllocateMapRegisters, NdisMAllocateMapRegisters, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | \
     NDIS_MAY_RAISE, "hhhnn", NDIS_HANDLE, MiniportAdapterHandle, UINT, DmaChannel, NDIS_DMA_SIZE, DmaSize, ULONG, \
     BaseMapRegistersNeeded, ULONG, MaximumBufferSize) \
CALL(1, VOID, NdisMFreeMapRegisters, NdisMFreeMapRegisters, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "h", NDIS_HANDLE, MiniportAdapterHandle) \
CALL(5, VOID, NdisMAllocateSharedMemory, NdisMAllocateSharedMemory, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hgfhh", \
     NDIS_HANDLE, MiniportAdapterHandle, ULONG, Length, BOOLEAN, Cached, PVOID *, VirtualAddress, \
     PNDIS_PHYSICAL_ADDRESS, PhysicalAddress) \
CALL(4, NDIS_STATUS, NdisMAllocateSharedMemoryAsync, NdisMAllocateSharedMemoryAsync, NDIS_MAY_RAISE, "hgfh", \
     NDIS_HANDLE, MiniportAdapterHandle, ULONG, Length, BOOLEAN, Cached, PVOID, Context) \
CALL(5, VOID, NdisMFreeSharedMemory, NdisMFreeSharedMemory, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "hnfba", NDIS_HANDLE, MiniportAdapterHandle, ULONG, Length, BOOLEAN, Cached, PVOID, \
     VirtualAddress, NDIS_PHYSICAL_ADDRESS, PhysicalAddress) \
CALL(4, VOID, NdisMUpdateSharedMemory, NdisUpdateSharedMemory, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "hnaa", NDIS_HANDLE, NdisAdapterHandle, ULONG, Length, PVOID, VirtualAddress, \
     NDIS_PHYSICAL_ADDRESS, PhysicalAddress) \
CALL(3, VOID, NdisFlushBuffer, KeFlushIoBuffers, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | NDIS_MAY_RAISE, \
     "rfh", PMDL, Mdl, BOOLEAN, ReadOperation, BOOLEAN, DmaOperation) \
CALL(1, ULONG, NdisMGetDmaAlignment, NdisMGetDmaAlignment, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "h", \
     NDIS_HANDLE, MiniportAdapterHandle) \
CALL(6, VOID, NdisMStartBufferPhysicalMapping, NdisMStartBufferPhysicalMapping, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, \
     "hhnfhh", NDIS_HANDLE, MiniportAdapterHandle, PNDIS_BUFFER, Buffer, ULONG, PhysicalMapRegister, BOOLEAN, \
     WriteToDevice, PNDIS_PHYSICAL_ADDRESS_UNIT, PhysicalAddressArray, PUINT, ArraySize) \
CALL(3, VOID, NdisMCompleteBufferPhysicalMapping, NdisMCompleteBufferPhysicalMapping, NDIS_MAY_SKIP | \
     NDIS_MAY_REPEAT | NDIS_MAY_WAIT | NDIS_MAY_RAISE, "hhn", NDIS_HANDLE, MiniportAdapterHandle, PNDIS_BUFFER, \
     Buffer, ULONG, PhysicalMapRegister) \
CALL(6, NDIS_STATUS, NdisMRegisterDmaChannel, NdisMRegisterDmaChannel, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhnfhn", \
     PNDIS_HANDLE, MiniportDmaHandle, NDIS_HANDLE, MiniportAdapterHandle, UINT, DmaChannel, BOOLEAN, \
     Dma32BitAddresses, PNDIS_DMA_DESCRIPTION, DmaDescription, ULONG, MaximumLength) \
CALL(1, VOID, NdisMDeregisterDmaChannel, NdisMDeregisterDmaChannel, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT \
     | NDIS_MAY_RAISE, "h", NDIS_HANDLE, MiniportDmaHandle) \
CALL(6, VOID, NdisMSetupDmaTransfer, NdisMSetupDmaTransfer, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhrnnf", \
     PNDIS_STATUS, Status, NDIS_HANDLE, MiniportDmaHandle, PNDIS_BUFFER, Buffer, ULONG, Offset, ULONG, Length, \
     BOOLEAN, WriteToDevice) \
CALL(6, VOID, NdisMCompleteDmaTransfer, NdisMCompleteDmaTransfer, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhrnnf", \
     PNDIS_STATUS, Status, NDIS_HANDLE, MiniportDmaHandle, PNDIS_BUFFER, Buffer, ULONG, Offset, ULONG, Length, \
     BOOLEAN, WriteToDevice) \
CALL(5, VOID, NdisAllocatePacketPoolEx, NdisAllocatePacketPoolEx, NDIS_MAY_REPEAT, "hhnnn", PNDIS_STATUS, Status, \
     PNDIS_HANDLE, PoolHandle, UINT, NumberOfDescriptors, UINT, NumberOfOverflowDescriptors, UINT, \
     ProtocolReservedLength) \
CALL(1, VOID, NdisFreePacketPool, NdisFreePacketPool, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "h", NDIS_HANDLE, PoolHandle) \
CALL(3, VOID, NdisAllocatePacket, NdisAllocatePacket, NDIS_MAY_REPEAT, "hhh", PNDIS_STATUS, Status, PNDIS_PACKET *, \
     Packet, NDIS_HANDLE, PoolHandle) \
CALL(1, VOID, NdisFreePacket, NdisFreePacket, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | NDIS_MAY_RAISE, "r", \
     PNDIS_PACKET, Packet) \
CALL(3, VOID, NdisAllocateBufferPool, NdisAllocateBufferPool, NDIS_MAY_REPEAT, "hhn", PNDIS_STATUS, Status, \
     PNDIS_HANDLE, PoolHandle, UINT, NumberOfDescriptors) \
CALL(1, VOID, NdisFreeBufferPool, NdisFreeBufferPool, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "h", NDIS_HANDLE, PoolHandle) \
CALL(5, VOID, NdisAllocateBuffer, NdisAllocateBuffer, NDIS_MAY_REPEAT, "hhhan", PNDIS_STATUS, Status, PNDIS_BUFFER \
     *, Buffer, NDIS_HANDLE, PoolHandle, PVOID, VirtualAddress, UINT, Length) \
CALL(1, VOID, NdisFreeBuffer, IoFreeMdl, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | NDIS_MAY_RAISE, "r", \
     PMDL, Mdl) \
CALL(2, VOID, NdisAdjustBufferLength, NdisAdjustBufferLength, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "hn", PNDIS_BUFFER, Buffer, UINT, Length) \
CALL(2, VOID, NdisChainBufferAtFront, NdisChainBufferAtFront, NDIS_MAY_SKIP | NDIS_MAY_REPEAT, "hr", PNDIS_PACKET, \
     Packet, PNDIS_BUFFER, Buffer) \
CALL(2, VOID, NdisUnchainBufferAtFront, NdisUnchainBufferAtFront, NDIS_MAY_REPEAT, "rh", PNDIS_PACKET, Packet, \
     PNDIS_BUFFER *, Buffer) \
CALL(1, VOID, NdisRecalculatePacketCounts, NdisRecalculatePacketCounts, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | \
     NDIS_MAY_WAIT, "h", PNDIS_PACKET, Packet) \
CALL(4, VOID, NdisQueryBufferSafe, NdisQueryBufferSafe, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhhh", PNDIS_BUFFER, \
     Buffer, PVOID *, VirtualAddress, PUINT, Length, MM_PAGE_PRIORITY, Priority) \
CALL(5, VOID, NdisQueryPacket, NdisQueryPacket, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhhhh", PNDIS_PACKET, Packet, \
     PUINT, PhysicalBufferCount, PUINT, BufferCount, PNDIS_BUFFER *, FirstBuffer, PUINT, TotalPacketLength) \
CALL(4, NDIS_STATUS, NdisMRegisterIoPortRange, NdisMRegisterIoPortRange, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhnn", \
     PVOID *, PortOffset, NDIS_HANDLE, MiniportAdapterHandle, UINT, InitialPort, UINT, NumberOfPorts) \
CALL(4, VOID, NdisMDeregisterIoPortRange, NdisMDeregisterIoPortRange, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | \
     NDIS_MAY_WAIT | NDIS_MAY_RAISE, "hnna", NDIS_HANDLE, MiniportAdapterHandle, UINT, InitialPort, UINT, \
     NumberOfPorts, PVOID, PortOffset) \
CALL(1, ULONG, NdisRawReadPortUlong, READ_PORT_ULONG, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "a", PULONG, Port) \
CALL(2, VOID, NdisRawWritePortUlong, WRITE_PORT_ULONG, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "an", PULONG, Port, ULONG, Value) \
CALL(2, VOID, NdisWriteRegisterUlong, WRITE_REGISTER_ULONG, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hn", \
     volatile ULONG *, Register, ULONG, Value) \
CALL(3, VOID, NdisMoveToMappedMemory, NdisMoveToMappedMemory, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_RAISE, \
     "hhc", PVOID, Destination, PVOID, Source, ULONG, Length) \
CALL(3, VOID, NdisMoveFromMappedMemory, NdisMoveFromMappedMemory, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_RAISE, \
     "hhc", PVOID, Destination, PVOID, Source, ULONG, Length) \
CALL(4, NDIS_STATUS, NdisMMapIoSpace, NdisMMapIoSpace, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhag", PVOID *, \
     VirtualAddress, NDIS_HANDLE, MiniportAdapterHandle, NDIS_PHYSICAL_ADDRESS, PhysicalAddress, UINT, Length) \
CALL(3, VOID, NdisMUnmapIoSpace, NdisMUnmapIoSpace, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "hbn", NDIS_HANDLE, MiniportAdapterHandle, PVOID, VirtualAddress, UINT, Length) \
CALL(7, NDIS_STATUS, NdisMRegisterInterrupt, NdisMRegisterInterrupt, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | \
     NDIS_MAY_RAISE, "hhnnffh", PNDIS_MINIPORT_INTERRUPT, Interrupt, NDIS_HANDLE, MiniportAdapterHandle, UINT, \
     InterruptVector, UINT, InterruptLevel, BOOLEAN, RequestIsr, BOOLEAN, SharedInterrupt, NDIS_INTERRUPT_MODE, \
     InterruptMode) \
CALL(1, VOID, NdisMDeregisterInterrupt, NdisMDeregisterInterrupt, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "h", PNDIS_MINIPORT_INTERRUPT, Interrupt) \
CALL(3, VOID, NdisMIndicateReceivePacket, NdisMIndicateReceivePacket, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | \
     NDIS_MAY_RAISE, "hhc", NDIS_HANDLE, MiniportAdapterHandle, PPNDIS_PACKET, ReceivePackets, UINT, \
     NumberOfPackets) \
CALL(3, VOID, NdisMSendComplete, NdisMSendComplete, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "hrh", NDIS_HANDLE, MiniportAdapterHandle, PNDIS_PACKET, Packet, NDIS_STATUS, Status) \
CALL(1, VOID, ExFreePool, ExFreePool, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | NDIS_MAY_RAISE, "b", PVOID, \
     P) \
CALL(3, VOID, NdisOpenConfiguration, NdisOpenConfiguration, NDIS_MAY_REPEAT | NDIS_MAY_RAISE, "hhh", PNDIS_STATUS, \
     Status, PNDIS_HANDLE, ConfigurationHandle, NDIS_HANDLE, WrapperConfigurationContext) \
CALL(5, VOID, NdisReadConfiguration, NdisReadConfiguration, NDIS_MAY_REPEAT, "hhhhh", PNDIS_STATUS, Status, \
     PNDIS_CONFIGURATION_PARAMETER *, ParameterValue, NDIS_HANDLE, ConfigurationHandle, PNDIS_STRING, Keyword, \
     NDIS_PARAMETER_TYPE, ParameterType) \
CALL(1, VOID, NdisCloseConfiguration, NdisCloseConfiguration, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | NDIS_MAY_WAIT | \
     NDIS_MAY_RAISE, "h", NDIS_HANDLE, ConfigurationHandle) \
CALL(4, VOID, NdisMQueryAdapterResources, NdisMQueryAdapterResources, NDIS_MAY_REPEAT, "hhhh", PNDIS_STATUS, Status, \
     NDIS_HANDLE, WrapperConfigurationContext, PNDIS_RESOURCE_LIST, ResourceList, PUINT, BufferSize) \
CALL(5, ULONG, NdisReadPciSlotInformation, NdisReadPciSlotInformation, NDIS_MAY_SKIP | NDIS_MAY_REPEAT | \
     NDIS_MAY_RAISE, "hhnhc", NDIS_HANDLE, NdisAdapterHandle, ULONG, SlotNumber, ULONG, Offset, PVOID, Buffer, \
     ULONG, Length) \
CALL(1, VOID, NdisAllocateSpinLock, NdisAllocateSpinLock, NDIS_MAY_SKIP | NDIS_MAY_REPEAT, "h", PNDIS_SPIN_LOCK, \
     SpinLock) \
CALL(1, VOID, NdisFreeSpinLock, NdisFreeSpinLock, NDIS_MAY_SKIP | NDIS_MAY_REPEAT, "h", PNDIS_SPIN_LOCK, SpinLock)

/* CALL(how many arguments, result, name without Miniport, call, letters, type, name, ...) */
#define NDIS_MUTABLE_HANDLERS(CALL) \
CALL(6, NDIS_STATUS, Initialize, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "hhhhhh", PNDIS_STATUS, OpenErrorStatus, PUINT, \
     SelectedMediumIndex, PNDIS_MEDIUM, MediumArray, UINT, MediumArraySize, NDIS_HANDLE, MiniportAdapterHandle, \
     NDIS_HANDLE, WrapperConfigurationContext) \
CALL(1, VOID, Halt, NDIS_MAY_EARLY, "h", NDIS_HANDLE, MiniportAdapterContext) \
CALL(2, NDIS_STATUS, Reset, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "hh", PBOOLEAN, AddressingReset, NDIS_HANDLE, \
     MiniportAdapterContext) \
CALL(1, BOOLEAN, CheckForHang, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "h", NDIS_HANDLE, MiniportAdapterContext) \
CALL(6, NDIS_STATUS, QueryInformation, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "hhhchh", NDIS_HANDLE, \
     MiniportAdapterContext, NDIS_OID, Oid, PVOID, InformationBuffer, ULONG, InformationBufferLength, PULONG, \
     BytesWritten, PULONG, BytesNeeded) \
CALL(6, NDIS_STATUS, SetInformation, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "hhhchh", NDIS_HANDLE, \
     MiniportAdapterContext, NDIS_OID, Oid, PVOID, InformationBuffer, ULONG, InformationBufferLength, PULONG, \
     BytesRead, PULONG, BytesNeeded) \
CALL(5, VOID, AllocateComplete, NDIS_MAY_EARLY, "hhhhh", NDIS_HANDLE, MiniportAdapterContext, PVOID, VirtualAddress, \
     PNDIS_PHYSICAL_ADDRESS, PhysicalAddress, ULONG, Length, PVOID, Context) \
CALL(3, VOID, ISR, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "hhh", PBOOLEAN, InterruptRecognized, PBOOLEAN, \
     QueueMiniportHandleInterrupt, NDIS_HANDLE, MiniportAdapterContext) \
CALL(1, VOID, EnableInterrupt, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "h", NDIS_HANDLE, MiniportAdapterContext) \
CALL(1, VOID, HandleInterrupt, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "h", NDIS_HANDLE, MiniportAdapterContext) \
CALL(3, VOID, SendPackets, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "hhc", NDIS_HANDLE, MiniportAdapterContext, \
     PPNDIS_PACKET, PacketArray, UINT, NumberOfPackets) \
CALL(2, VOID, ReturnPacket, NDIS_MAY_EARLY | NDIS_MAY_REPEAT, "hr", NDIS_HANDLE, MiniportAdapterContext, \
     PNDIS_PACKET, Packet)

#endif /* NICRIG_CALLS_H */
