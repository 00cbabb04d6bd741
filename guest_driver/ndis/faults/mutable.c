// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be mutated (mutate.h), each declared once: how many arguments, result, name, function (NDIS has some names
 * as macros), what may be done with the call, what with each argument, and the arguments. A trampoline stands for each:
 * the miniport's calls go to those of NDIS's functions by mutable.h, NDIS's calls to those of the handlers once a
 * mutation is asked for. Until then a trampoline is a jump.
 */
#include <linux/string.h>

#include "mutate.h"

/* Here it is a name. */
#undef NdisFreeBuffer

#define SKIP NDIS_MAY_SKIP
#define EARLY NDIS_MAY_EARLY
#define REPEAT NDIS_MAY_REPEAT
#define WAIT NDIS_MAY_WAIT
#define RAISE NDIS_MAY_RAISE
#define ALL (SKIP | REPEAT | WAIT | RAISE)

#define FUNCTIONS(CALL) \
CALL(3, VOID, NdisOpenConfiguration, NdisOpenConfiguration, REPEAT | RAISE, "hhh", \
     PNDIS_STATUS, Status, PNDIS_HANDLE, ConfigurationHandle, NDIS_HANDLE, WrapperConfigurationContext) \
CALL(5, VOID, NdisReadConfiguration, NdisReadConfiguration, REPEAT, "hhhhh", \
     PNDIS_STATUS, Status, PNDIS_CONFIGURATION_PARAMETER *, ParameterValue, NDIS_HANDLE, ConfigurationHandle, \
     PNDIS_STRING, Keyword, NDIS_PARAMETER_TYPE, ParameterType) \
CALL(1, VOID, NdisCloseConfiguration, NdisCloseConfiguration, ALL, "h", NDIS_HANDLE, ConfigurationHandle) \
CALL(4, VOID, NdisMQueryAdapterResources, NdisMQueryAdapterResources, REPEAT, "hhhh", \
     PNDIS_STATUS, Status, NDIS_HANDLE, WrapperConfigurationContext, PNDIS_RESOURCE_LIST, ResourceList, \
     PUINT, BufferSize) \
CALL(5, ULONG, NdisReadPciSlotInformation, NdisReadPciSlotInformation, SKIP | REPEAT | RAISE, "hhnhc", \
     NDIS_HANDLE, NdisAdapterHandle, ULONG, SlotNumber, ULONG, Offset, PVOID, Buffer, ULONG, Length) \
CALL(4, NDIS_STATUS, NdisAllocateMemory, NdisAllocateMemory, REPEAT | RAISE, "hnfh", \
     PVOID *, VirtualAddress, UINT, Length, UINT, MemoryFlags, NDIS_PHYSICAL_ADDRESS, HighestAcceptableAddress) \
CALL(3, NDIS_STATUS, NdisAllocateMemoryWithTag, NdisAllocateMemoryWithTag, REPEAT, "hgf", \
     PVOID *, VirtualAddress, UINT, Length, ULONG, Tag) \
CALL(3, VOID, NdisFreeMemory, NdisFreeMemory, ALL, "bnf", \
     PVOID, VirtualAddress, UINT, Length, UINT, MemoryFlags) \
CALL(5, VOID, NdisMSetAttributesEx, NdisMSetAttributesEx, ALL, "hhnfh", \
     NDIS_HANDLE, MiniportAdapterHandle, NDIS_HANDLE, MiniportAdapterContext, UINT, CheckForHangTimeInSeconds, \
     ULONG, AttributeFlags, NDIS_INTERFACE_TYPE, AdapterType) \
CALL(3, NDIS_STATUS, NdisMInitializeScatterGatherDma, NdisMInitializeScatterGatherDma, SKIP | REPEAT | RAISE, "hfn", \
     NDIS_HANDLE, MiniportAdapterHandle, BOOLEAN, Dma64BitAddresses, ULONG, MaximumPhysicalMapping) \
CALL(5, VOID, NdisMAllocateSharedMemory, NdisMAllocateSharedMemory, REPEAT | RAISE, "hgfhh", \
     NDIS_HANDLE, MiniportAdapterHandle, ULONG, Length, BOOLEAN, Cached, PVOID *, VirtualAddress, \
     PNDIS_PHYSICAL_ADDRESS, PhysicalAddress) \
CALL(5, VOID, NdisMFreeSharedMemory, NdisMFreeSharedMemory, ALL, "hnfba", \
     NDIS_HANDLE, MiniportAdapterHandle, ULONG, Length, BOOLEAN, Cached, PVOID, VirtualAddress, \
     NDIS_PHYSICAL_ADDRESS, PhysicalAddress) \
CALL(4, VOID, NdisMUpdateSharedMemory, NdisUpdateSharedMemory, ALL, "hnaa", \
     NDIS_HANDLE, NdisAdapterHandle, ULONG, Length, PVOID, VirtualAddress, NDIS_PHYSICAL_ADDRESS, PhysicalAddress) \
CALL(3, VOID, NdisFlushBuffer, KeFlushIoBuffers, ALL, "rfh", \
     PMDL, Mdl, BOOLEAN, ReadOperation, BOOLEAN, DmaOperation) \
CALL(1, ULONG, NdisMGetDmaAlignment, NdisMGetDmaAlignment, SKIP | REPEAT | RAISE, "h", \
     NDIS_HANDLE, MiniportAdapterHandle) \
CALL(6, NDIS_STATUS, NdisMRegisterDmaChannel, NdisMRegisterDmaChannel, REPEAT | RAISE, "hhnfhn", \
     PNDIS_HANDLE, MiniportDmaHandle, NDIS_HANDLE, MiniportAdapterHandle, UINT, DmaChannel, \
     BOOLEAN, Dma32BitAddresses, PNDIS_DMA_DESCRIPTION, DmaDescription, ULONG, MaximumLength) \
CALL(1, VOID, NdisMDeregisterDmaChannel, NdisMDeregisterDmaChannel, ALL, "h", NDIS_HANDLE, MiniportDmaHandle) \
CALL(6, VOID, NdisMSetupDmaTransfer, NdisMSetupDmaTransfer, REPEAT | RAISE, "hhrnnf", \
     PNDIS_STATUS, Status, NDIS_HANDLE, MiniportDmaHandle, PNDIS_BUFFER, Buffer, ULONG, Offset, ULONG, Length, \
     BOOLEAN, WriteToDevice) \
CALL(6, VOID, NdisMCompleteDmaTransfer, NdisMCompleteDmaTransfer, REPEAT | RAISE, "hhrnnf", \
     PNDIS_STATUS, Status, NDIS_HANDLE, MiniportDmaHandle, PNDIS_BUFFER, Buffer, ULONG, Offset, ULONG, Length, \
     BOOLEAN, WriteToDevice) \
CALL(5, VOID, NdisAllocatePacketPoolEx, NdisAllocatePacketPoolEx, REPEAT, "hhnnn", \
     PNDIS_STATUS, Status, PNDIS_HANDLE, PoolHandle, UINT, NumberOfDescriptors, UINT, NumberOfOverflowDescriptors, \
     UINT, ProtocolReservedLength) \
CALL(1, VOID, NdisFreePacketPool, NdisFreePacketPool, ALL, "h", NDIS_HANDLE, PoolHandle) \
CALL(3, VOID, NdisAllocatePacket, NdisAllocatePacket, REPEAT, "hhh", \
     PNDIS_STATUS, Status, PNDIS_PACKET *, Packet, NDIS_HANDLE, PoolHandle) \
CALL(1, VOID, NdisFreePacket, NdisFreePacket, ALL, "r", PNDIS_PACKET, Packet) \
CALL(3, VOID, NdisAllocateBufferPool, NdisAllocateBufferPool, REPEAT, "hhn", \
     PNDIS_STATUS, Status, PNDIS_HANDLE, PoolHandle, UINT, NumberOfDescriptors) \
CALL(1, VOID, NdisFreeBufferPool, NdisFreeBufferPool, ALL, "h", NDIS_HANDLE, PoolHandle) \
CALL(5, VOID, NdisAllocateBuffer, NdisAllocateBuffer, REPEAT, "hhhan", \
     PNDIS_STATUS, Status, PNDIS_BUFFER *, Buffer, NDIS_HANDLE, PoolHandle, PVOID, VirtualAddress, UINT, Length) \
CALL(1, VOID, NdisFreeBuffer, IoFreeMdl, ALL, "r", PMDL, Mdl) \
CALL(2, VOID, NdisAdjustBufferLength, NdisAdjustBufferLength, ALL, "hn", PNDIS_BUFFER, Buffer, UINT, Length) \
CALL(2, VOID, NdisChainBufferAtFront, NdisChainBufferAtFront, SKIP | REPEAT, "hr", \
     PNDIS_PACKET, Packet, PNDIS_BUFFER, Buffer) \
CALL(2, VOID, NdisUnchainBufferAtFront, NdisUnchainBufferAtFront, REPEAT, "rh", \
     PNDIS_PACKET, Packet, PNDIS_BUFFER *, Buffer) \
CALL(1, VOID, NdisRecalculatePacketCounts, NdisRecalculatePacketCounts, SKIP | REPEAT | WAIT, "h", \
     PNDIS_PACKET, Packet) \
CALL(4, VOID, NdisQueryBufferSafe, NdisQueryBufferSafe, REPEAT | RAISE, "hhhh", \
     PNDIS_BUFFER, Buffer, PVOID *, VirtualAddress, PUINT, Length, MM_PAGE_PRIORITY, Priority) \
CALL(5, VOID, NdisQueryPacket, NdisQueryPacket, REPEAT | RAISE, "hhhhh", \
     PNDIS_PACKET, Packet, PUINT, PhysicalBufferCount, PUINT, BufferCount, PNDIS_BUFFER *, FirstBuffer, \
     PUINT, TotalPacketLength) \
CALL(4, NDIS_STATUS, NdisMRegisterIoPortRange, NdisMRegisterIoPortRange, REPEAT | RAISE, "hhnn", \
     PVOID *, PortOffset, NDIS_HANDLE, MiniportAdapterHandle, UINT, InitialPort, UINT, NumberOfPorts) \
CALL(4, VOID, NdisMDeregisterIoPortRange, NdisMDeregisterIoPortRange, ALL, "hnna", \
     NDIS_HANDLE, MiniportAdapterHandle, UINT, InitialPort, UINT, NumberOfPorts, PVOID, PortOffset) \
CALL(1, ULONG, NdisRawReadPortUlong, READ_PORT_ULONG, REPEAT | RAISE, "a", PULONG, Port) \
CALL(2, VOID, NdisRawWritePortUlong, WRITE_PORT_ULONG, SKIP | REPEAT | WAIT | RAISE, "an", \
     PULONG, Port, ULONG, Value) \
CALL(4, NDIS_STATUS, NdisMMapIoSpace, NdisMMapIoSpace, REPEAT | RAISE, "hhag", \
     PVOID *, VirtualAddress, NDIS_HANDLE, MiniportAdapterHandle, NDIS_PHYSICAL_ADDRESS, PhysicalAddress, \
     UINT, Length) \
CALL(3, VOID, NdisMUnmapIoSpace, NdisMUnmapIoSpace, ALL, "hbn", \
     NDIS_HANDLE, MiniportAdapterHandle, PVOID, VirtualAddress, UINT, Length) \
CALL(2, VOID, NdisWriteRegisterUlong, WRITE_REGISTER_ULONG, SKIP | REPEAT | RAISE, "hn", \
     volatile ULONG *, Register, ULONG, Value) \
CALL(3, VOID, NdisMoveToMappedMemory, NdisMoveToMappedMemory, SKIP | REPEAT | RAISE, "hhc", \
     PVOID, Destination, PVOID, Source, ULONG, Length) \
CALL(3, VOID, NdisMoveFromMappedMemory, NdisMoveFromMappedMemory, SKIP | REPEAT | RAISE, "hhc", \
     PVOID, Destination, PVOID, Source, ULONG, Length) \
CALL(7, NDIS_STATUS, NdisMRegisterInterrupt, NdisMRegisterInterrupt, SKIP | REPEAT | RAISE, "hhnnffh", \
     PNDIS_MINIPORT_INTERRUPT, Interrupt, NDIS_HANDLE, MiniportAdapterHandle, UINT, InterruptVector, \
     UINT, InterruptLevel, BOOLEAN, RequestIsr, BOOLEAN, SharedInterrupt, NDIS_INTERRUPT_MODE, InterruptMode) \
CALL(1, VOID, NdisMDeregisterInterrupt, NdisMDeregisterInterrupt, SKIP | REPEAT | WAIT | RAISE, "h", \
     PNDIS_MINIPORT_INTERRUPT, Interrupt) \
CALL(1, VOID, NdisAllocateSpinLock, NdisAllocateSpinLock, SKIP | REPEAT, "h", PNDIS_SPIN_LOCK, SpinLock) \
CALL(1, VOID, NdisFreeSpinLock, NdisFreeSpinLock, SKIP | REPEAT, "h", PNDIS_SPIN_LOCK, SpinLock) \
CALL(3, VOID, NdisMIndicateReceivePacket, NdisMIndicateReceivePacket, SKIP | REPEAT | RAISE, "hhc", \
     NDIS_HANDLE, MiniportAdapterHandle, PPNDIS_PACKET, ReceivePackets, UINT, NumberOfPackets) \
CALL(3, VOID, NdisMSendComplete, NdisMSendComplete, ALL, "hrh", \
     NDIS_HANDLE, MiniportAdapterHandle, PNDIS_PACKET, Packet, NDIS_STATUS, Status)

/* How many arguments, result, name without Miniport, what may be done. */
#define HANDLERS(CALL) \
CALL(6, NDIS_STATUS, Initialize, EARLY | REPEAT, "hhhhhh", \
     PNDIS_STATUS, OpenErrorStatus, PUINT, SelectedMediumIndex, PNDIS_MEDIUM, MediumArray, UINT, MediumArraySize, \
     NDIS_HANDLE, MiniportAdapterHandle, NDIS_HANDLE, WrapperConfigurationContext) \
CALL(1, VOID, Halt, EARLY, "h", NDIS_HANDLE, MiniportAdapterContext) \
CALL(2, NDIS_STATUS, Reset, EARLY | REPEAT, "hh", \
     PBOOLEAN, AddressingReset, NDIS_HANDLE, MiniportAdapterContext) \
CALL(1, BOOLEAN, CheckForHang, EARLY | REPEAT, "h", NDIS_HANDLE, MiniportAdapterContext) \
CALL(6, NDIS_STATUS, QueryInformation, EARLY | REPEAT, "hhhchh", \
     NDIS_HANDLE, MiniportAdapterContext, NDIS_OID, Oid, PVOID, InformationBuffer, ULONG, InformationBufferLength, \
     PULONG, BytesWritten, PULONG, BytesNeeded) \
CALL(6, NDIS_STATUS, SetInformation, EARLY | REPEAT, "hhhchh", \
     NDIS_HANDLE, MiniportAdapterContext, NDIS_OID, Oid, PVOID, InformationBuffer, ULONG, InformationBufferLength, \
     PULONG, BytesRead, PULONG, BytesNeeded) \
CALL(3, VOID, ISR, EARLY | REPEAT, "hhh", \
     PBOOLEAN, InterruptRecognized, PBOOLEAN, QueueMiniportHandleInterrupt, NDIS_HANDLE, MiniportAdapterContext) \
CALL(1, VOID, HandleInterrupt, EARLY | REPEAT, "h", \
     NDIS_HANDLE, MiniportAdapterContext) \
CALL(1, VOID, EnableInterrupt, EARLY | REPEAT, "h", \
     NDIS_HANDLE, MiniportAdapterContext) \
CALL(3, VOID, SendPackets, EARLY | REPEAT, "hhc", \
     NDIS_HANDLE, MiniportAdapterContext, PPNDIS_PACKET, PacketArray, UINT, NumberOfPackets) \
CALL(2, VOID, ReturnPacket, EARLY | REPEAT, "hr", \
     NDIS_HANDLE, MiniportAdapterContext, PNDIS_PACKET, Packet)

/* What is done with each (type, name) of an argument list. */
#define MAP1(Do, Type, Name) Do(Type, Name)
#define MAP2(Do, Type, Name, ...) Do(Type, Name), MAP1(Do, __VA_ARGS__)
#define MAP3(Do, Type, Name, ...) Do(Type, Name), MAP2(Do, __VA_ARGS__)
#define MAP4(Do, Type, Name, ...) Do(Type, Name), MAP3(Do, __VA_ARGS__)
#define MAP5(Do, Type, Name, ...) Do(Type, Name), MAP4(Do, __VA_ARGS__)
#define MAP6(Do, Type, Name, ...) Do(Type, Name), MAP5(Do, __VA_ARGS__)
#define MAP7(Do, Type, Name, ...) Do(Type, Name), MAP6(Do, __VA_ARGS__)
#define DECLARE(Type, Name) Type Name
#define NAME(Type, Name) Name
#define PACK(Type, Name) ({ u64 word_ = 0; memcpy(&word_, &(Name), sizeof(Type)); word_; })
#define UNPACK(Type, Name) ({ Type value_; memcpy(&value_, &word->Name, sizeof(Type)); value_; })

#define IS_VOID(Type) __builtin_types_compatible_p(Type, void)
#define RESULT(Type, Call) __builtin_choose_expr(IS_VOID(Type), ({ (Call); 0ULL; }), (Call))

enum {
#define NUMBER(Count, Result, Name, ...) MUTABLE_##Name,
	FUNCTIONS(NUMBER)
	HANDLERS(NUMBER)
};

/* The way from packed arguments to the function, and the trampoline's body. */
#define CALL_PACKED(Count, Name, Result, Function, ...) \
static u64 call_##Name(const u64 *words) \
{ \
	const struct { u64 MAP##Count(NAME, __VA_ARGS__); } *word = (const void *)words; \
\
	return RESULT(Result, Function(MAP##Count(UNPACK, __VA_ARGS__))); \
}
#define MUTATED(Count, Name, Result, ...) ({ \
	u64 words_[NDIS_MUTABLE_ARGUMENTS] = { MAP##Count(PACK, __VA_ARGS__) }; \
\
	(Result)ndis_mutate(&ndis_mutables[MUTABLE_##Name], words_); \
})

/* The compiler compares the trampoline with the function that it stands for. */
#define FUNCTION_TRAMPOLINE(Count, Result, Name, Function, May, Letters, ...) \
CALL_PACKED(Count, Name, Result, Function, __VA_ARGS__) \
typeof(Function) mutable_##Function; \
Result mutable_##Function(MAP##Count(DECLARE, __VA_ARGS__)) \
{ \
	if (static_branch_unlikely(&ndis_mutating)) \
		return MUTATED(Count, Name, Result, __VA_ARGS__); \
	return Function(MAP##Count(NAME, __VA_ARGS__)); \
}
FUNCTIONS(FUNCTION_TRAMPOLINE)

static NDIS_MINIPORT_CHARACTERISTICS handlers;

#define HANDLER_TRAMPOLINE(Count, Result, Name, May, Letters, ...) \
CALL_PACKED(Count, Name, Result, handlers.Name##Handler, __VA_ARGS__) \
static Result mutable_##Name(MAP##Count(DECLARE, __VA_ARGS__)) \
{ \
	return MUTATED(Count, Name, Result, __VA_ARGS__); \
}
HANDLERS(HANDLER_TRAMPOLINE)

#define FUNCTION_ENTRY(Count, Result, Name, Function, May, Letters, ...) \
	[MUTABLE_##Name] = { #Name, Letters, May, 0, call_##Name },
#define HANDLER_ENTRY(Count, Result, Name, May, Letters, ...) \
	[MUTABLE_##Name] = { "Miniport" #Name, Letters, May, \
			     __builtin_types_compatible_p(Result, NDIS_STATUS) ? NDIS_STATUS_FAILURE : 0, call_##Name },

const struct ndis_mutable ndis_mutables[] = {
	FUNCTIONS(FUNCTION_ENTRY)
	HANDLERS(HANDLER_ENTRY)
};
const unsigned int ndis_mutables_count = ARRAY_SIZE(ndis_mutables);

#define PUT_HANDLER(Count, Result, Name, ...) miniport->Name##Handler = mutable_##Name;

void ndis_mutate_handlers(NDIS_MINIPORT_CHARACTERISTICS *miniport)
{
	if (!static_key_enabled(&ndis_mutating))
		return;
	handlers = *miniport;
	HANDLERS(PUT_HANDLER)
}
