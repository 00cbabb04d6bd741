# SPDX-License-Identifier: GPL-2.0-or-later
"""The declaration of each NDIS function and each handler: what is recorded, what can fail, what can be mutated.

One entry declares a function once. `make generate` makes from it the headers of the guest's recorder and of its fault
injection (guest_driver/ndis/recorder/function_ids.h, faults/calls.h, faults/mutable.h) and columns of docs/ndis.md.
The C signature is not here: it is read out of guest_driver/ndis/include/. docs/contributing/adding.md has the steps.

At most four arguments are recorded: of a long signature those with which a rule can be broken. An object is recorded
as its address or handle.

When a record is written: an acquiring call after it returned, a releasing call before anything is released, a
hand-over (send, complete, indicate, return) before the other side sees the object, NdisFlushBuffer(TRUE) when its lines
are written back, NdisFlushBuffer(FALSE) before any is read.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Irql(enum.IntEnum):
    """Interrupt request levels; every level between DISPATCH and HIGH is recorded as DEVICE."""

    PASSIVE = 0
    APC = 1
    DISPATCH = 2
    DEVICE = 3
    HIGH = 15


class RecordKind(enum.IntEnum):
    """What a record is of."""

    CALL = 0  # the miniport called NDIS
    ENTER = 1  # NDIS called a handler of the miniport, or the system began a phase
    LEAVE = 2  # the handler returned
    GRANT = 3  # the call gave memory to the card: see GRANT_ARGUMENTS
    REVOKE = 4  # the call took it back


GRANT_ARGUMENTS = ("physical", "length", "flags", "guard")
"""What GRANT and REVOKE record, whichever function did it; guard is 0 in a REVOKE."""


class Phase(enum.IntEnum):
    """What the adapter was doing, or whose code made the call."""

    NONE = 0  # before MiniportInitialize, after MiniportHalt
    INITIALIZE = 1
    RUN = 2
    HALT = 3
    SHUTDOWN = 4
    PROTOCOL = 5  # the protocol shim called, not the miniport: its own pools and packets


class Detail(enum.IntEnum):
    """How much the recorder keeps; each level includes the ones before it."""

    OFF = 0
    ALLOCATIONS = 1  # all but what happens for each frame or interrupt
    FRAMES = 2
    BYTES = 3  # also the frames' bytes, beside their digests


class PacketPart(enum.IntEnum):
    """The first part of a packet that changed while its holder had to leave the packet as it is."""

    NOTHING = 0
    DESCRIPTOR = 1
    BUFFERS = 2  # the chain, and the address and length of each
    PROTOCOL = 3  # ProtocolReserved
    OOB = 4  # the out-of-band data
    MEDIA = 5  # the media-specific information
    EXTENSION = 6  # the information of each packet


class CallMutation(enum.Flag):
    """What a mutation may do with a whole call. Anything else would give the miniport an answer that it cannot survive.

    The names are those of NDIS_MAY_* in guest_driver/ndis/faults/mutate.h.
    """

    SKIP = enum.auto()
    EARLY = enum.auto()  # a handler returns at once
    REPEAT = enum.auto()
    WAIT = enum.auto()  # the call is made later: it returns nothing, and every argument lives on
    RAISE = enum.auto()


class ArgumentMutation(enum.Enum):
    """What a mutation may do with an argument. The value is its letter in guest_driver/ndis/faults/mutate.h."""

    NOTHING = "h"
    NUMBER = "n"  # one more or less, a cache line more or less
    SIZE = "g"  # the same, but never a line less: the miniport writes all of it
    COUNT = "c"  # one less
    FLAG = "f"  # the opposite
    ADDRESS = "a"  # a line further on
    BLOCK = "b"  # a line further on, or the block of the call before
    OBJECT = "r"  # the object of the call before


@dataclass(frozen=True)
class Mutable:
    """How mutate= may change a call. `name` is what mutate= takes; `arguments` maps C names to mutations."""

    name: str
    call: CallMutation
    arguments: dict[str, ArgumentMutation]


UNRECORDED = 0
"""The number of a function that the recorder leaves out."""


@dataclass(frozen=True)
class NdisFunction:
    """A function of NDIS or a handler of the miniport.

    `number` stands in recordings, so it never changes: a new function takes the next free one. `section` is of
    docs/ndis51.md. `highest` is the highest level at which it may be called, for a handler the level at which NDIS
    calls it. `arguments` are the names of the recorded values. `result` names what the record's result holds:
    "status", "address", "handle", "count", "value", "digest", or "" for nothing. A digest is the CRC32C of a packet's
    bytes as the CPU sees them, in the high half the slot that keeps them; ENTER has it too. `fails` says that fail= can
    make it fail.
    """

    number: int
    name: str
    section: str
    highest: Irql
    detail: Detail
    arguments: tuple[str, ...] = ()
    result: str = ""
    fails: bool = False
    mutability: Mutable | None = None

    def mutable(self, call: CallMutation, variant: str = "", /, **arguments: ArgumentMutation) -> NdisFunction:
        """The same function, open to mutate=; an argument that is not named here is left as it is.

        One record stands for a whole family, as NdisRawReadPort does: `variant` is then the end of the macro's name.
        """
        return replace(self, mutability=Mutable(self.name + variant, call, arguments))


def _call(
    number: int,
    name: str,
    section: str,
    highest: Irql,
    detail: Detail = Detail.ALLOCATIONS,
    *,
    records: str = "",
    result: str = "",
    fails: bool = False,
) -> NdisFunction:
    return NdisFunction(number, name, section, highest, detail, tuple(records.split()), result, fails)


def _handler(
    number: int,
    name: str,
    level: Irql,
    detail: Detail = Detail.ALLOCATIONS,
    *,
    records: str = "",
    result: str = "",
    fails: bool = False,
) -> NdisFunction:
    """A handler of the miniport: ENTER carries the arguments, LEAVE the result."""
    return _call(number, name, "4.8", level, detail, records=records, result=result, fails=fails)


PASSIVE, DISPATCH, DEVICE, HIGH = Irql.PASSIVE, Irql.DISPATCH, Irql.DEVICE, Irql.HIGH
FRAMES = Detail.FRAMES
SKIP, EARLY, REPEAT, WAIT, RAISE = CallMutation
ALL = SKIP | REPEAT | WAIT | RAISE
NOTHING, NUMBER, SIZE, COUNT, FLAG, ADDRESS, BLOCK, OBJECT = ArgumentMutation

DECLARED = (
    # -- handlers: ENTER carries the arguments, LEAVE the result ----------------------------------------
    # blocks: allocations of the module still alive
    _handler(1, "DriverUnload", PASSIVE, records="blocks"),
    # device: PCI device id
    _handler(2, "MiniportInitialize", PASSIVE, records="device", result="status").mutable(EARLY | REPEAT),
    _handler(3, "MiniportHalt", PASSIVE).mutable(EARLY),
    _handler(4, "MiniportShutdown", HIGH),
    _handler(5, "MiniportReset", DISPATCH, result="status").mutable(EARLY | REPEAT),
    _handler(6, "MiniportCheckForHang", DISPATCH, FRAMES, result="value").mutable(EARLY | REPEAT),
    _handler(7, "MiniportQueryInformation", DISPATCH, FRAMES, records="oid length", result="status").mutable(
        EARLY | REPEAT, InformationBufferLength=COUNT
    ),
    _handler(8, "MiniportSetInformation", DISPATCH, records="oid length", result="status").mutable(
        EARLY | REPEAT, InformationBufferLength=COUNT
    ),
    _handler(9, "MiniportPnPEventNotify", PASSIVE, records="event"),
    _handler(10, "MiniportAllocateComplete", DISPATCH, records="address physical length context", fails=True).mutable(
        EARLY
    ),
    # value: recognized | queue << 1
    _handler(11, "MiniportISR", DEVICE, FRAMES, result="value").mutable(EARLY | REPEAT),
    _handler(12, "MiniportEnableInterrupt", DISPATCH, FRAMES).mutable(EARLY | REPEAT),
    _handler(13, "MiniportDisableInterrupt", DEVICE, FRAMES),
    _handler(14, "MiniportHandleInterrupt", DISPATCH, FRAMES).mutable(EARLY | REPEAT),
    # ENTER for each packet
    _handler(
        15, "MiniportSendPackets", DISPATCH, FRAMES, records="packet buffer length elements", result="digest"
    ).mutable(EARLY | REPEAT, NumberOfPackets=COUNT),
    # changed: a PacketPart, since the protocol has the packet
    _handler(16, "MiniportReturnPacket", DISPATCH, FRAMES, records="packet changed").mutable(
        EARLY | REPEAT, Packet=OBJECT
    ),
    _handler(17, "MiniportTimer", DISPATCH, FRAMES, records="timer"),
    # -- what NDIS gave the miniport with a packet, one record an element --------------------------------
    _call(18, "ScatterGatherElement", "4.3", DISPATCH, FRAMES, records="packet index physical length"),
    # -- 4.1 plain memory -------------------------------------------------------------------------------
    _call(
        19, "NdisAllocateMemory", "4.1", DISPATCH, records="address length flags highest", result="status", fails=True
    ).mutable(REPEAT | RAISE, Length=NUMBER, MemoryFlags=FLAG),
    _call(
        20, "NdisAllocateMemoryWithTag", "4.1", DISPATCH, records="address length tag", result="status", fails=True
    ).mutable(REPEAT, Length=SIZE, Tag=FLAG),
    # beyond: 1 if the bytes behind the block were written
    _call(21, "NdisFreeMemory", "4.1", DISPATCH, records="address length flags beyond").mutable(
        ALL, VirtualAddress=BLOCK, Length=NUMBER, MemoryFlags=FLAG
    ),
    # -- 4.2 attributes ---------------------------------------------------------------------------------
    _call(22, "NdisMSetAttributesEx", "4.2", PASSIVE, records="context hang flags bus").mutable(
        ALL, CheckForHangTimeInSeconds=NUMBER, AttributeFlags=FLAG
    ),
    # -- 4.3 bus-master DMA -----------------------------------------------------------------------------
    _call(
        23, "NdisMInitializeScatterGatherDma", "4.3", PASSIVE, records="dma64 maximum", result="status", fails=True
    ).mutable(SKIP | REPEAT | RAISE, Dma64BitAddresses=FLAG, MaximumPhysicalMapping=NUMBER),
    _call(
        24,
        "NdisMAllocateMapRegisters",
        "4.3",
        PASSIVE,
        records="channel size base maximum",
        result="status",
        fails=True,
    ).mutable(SKIP | REPEAT | RAISE, BaseMapRegistersNeeded=NUMBER, MaximumBufferSize=NUMBER),
    _call(25, "NdisMFreeMapRegisters", "4.3", PASSIVE).mutable(ALL),
    _call(
        26, "NdisMAllocateSharedMemory", "4.3", PASSIVE, records="length cached physical", result="address", fails=True
    ).mutable(REPEAT | RAISE, Length=SIZE, Cached=FLAG),
    _call(
        27,
        "NdisMAllocateSharedMemoryAsync",
        "4.3",
        DISPATCH,
        records="length cached context",
        result="status",
        fails=True,
    ).mutable(RAISE, Length=SIZE, Cached=FLAG),
    # value: whether bytes behind the block were written
    _call(
        28, "NdisMFreeSharedMemory", "4.3", DISPATCH, records="length cached address physical", result="value"
    ).mutable(ALL, Length=NUMBER, Cached=FLAG, VirtualAddress=BLOCK, PhysicalAddress=ADDRESS),
    _call(29, "NdisMUpdateSharedMemory", "4.3", DISPATCH, FRAMES, records="length address physical").mutable(
        ALL, Length=NUMBER, VirtualAddress=ADDRESS, PhysicalAddress=ADDRESS
    ),
    _call(30, "NdisFlushBuffer", "4.3", DISPATCH, FRAMES, records="buffer address length write").mutable(
        ALL, Mdl=OBJECT, ReadOperation=FLAG
    ),
    _call(31, "NdisMGetDmaAlignment", "4.3", PASSIVE, result="count").mutable(SKIP | REPEAT | RAISE),
    # One record for each filled unit; count is of all units of this call, 0 with the buffer's length when it fails.
    # index_write: index << 1 | write
    _call(
        32,
        "NdisMStartBufferPhysicalMapping",
        "4.3",
        DISPATCH,
        FRAMES,
        records="buffer index_write physical length",
        result="count",
        fails=True,
    ).mutable(REPEAT | RAISE, PhysicalMapRegister=NUMBER, WriteToDevice=FLAG),
    _call(33, "NdisMCompleteBufferPhysicalMapping", "4.3", DISPATCH, FRAMES, records="buffer index").mutable(
        ALL, PhysicalMapRegister=NUMBER
    ),
    # -- 4.4 subordinate DMA ----------------------------------------------------------------------------
    _call(
        34,
        "NdisMRegisterDmaChannel",
        "4.4",
        PASSIVE,
        records="handle channel dma32 maximum",
        result="status",
        fails=True,
    ).mutable(REPEAT | RAISE, DmaChannel=NUMBER, Dma32BitAddresses=FLAG, MaximumLength=NUMBER),
    _call(35, "NdisMDeregisterDmaChannel", "4.4", PASSIVE, records="handle").mutable(ALL),
    # range: offset << 32 | length
    _call(
        36,
        "NdisMSetupDmaTransfer",
        "4.4",
        DISPATCH,
        FRAMES,
        records="handle buffer range write",
        result="status",
        fails=True,
    ).mutable(REPEAT | RAISE, Buffer=OBJECT, Offset=NUMBER, Length=NUMBER, WriteToDevice=FLAG),
    _call(
        37,
        "NdisMCompleteDmaTransfer",
        "4.4",
        DISPATCH,
        FRAMES,
        records="handle buffer range write",
        result="status",
        fails=True,
    ).mutable(REPEAT | RAISE, Buffer=OBJECT, Offset=NUMBER, Length=NUMBER, WriteToDevice=FLAG),
    _call(38, "NdisMReadDmaCounter", "4.4", DISPATCH, FRAMES, records="handle", result="count"),
    # -- 4.5 packet pools and packets -------------------------------------------------------------------
    _call(39, "NdisAllocatePacketPool", "4.5", DISPATCH, records="pool count reserved", result="status", fails=True),
    _call(
        40,
        "NdisAllocatePacketPoolEx",
        "4.5",
        DISPATCH,
        records="pool count overflow reserved",
        result="status",
        fails=True,
    ).mutable(REPEAT, NumberOfDescriptors=NUMBER, NumberOfOverflowDescriptors=NUMBER, ProtocolReservedLength=NUMBER),
    _call(41, "NdisFreePacketPool", "4.5", DISPATCH, records="pool").mutable(ALL),
    _call(42, "NdisPacketPoolUsage", "4.5", DISPATCH, FRAMES, records="pool", result="count"),
    _call(43, "NdisAllocatePacket", "4.5", DISPATCH, records="pool packet", result="status", fails=True).mutable(
        REPEAT
    ),
    _call(44, "NdisDprAllocatePacket", "4.5", DISPATCH, records="pool packet", result="status", fails=True),
    _call(
        45, "NdisDprAllocatePacketNonInterlocked", "4.5", DISPATCH, records="pool packet", result="status", fails=True
    ),
    _call(46, "NdisFreePacket", "4.5", DISPATCH, records="packet head").mutable(ALL, Packet=OBJECT),
    _call(47, "NdisDprFreePacket", "4.5", DISPATCH, records="packet head"),
    _call(48, "NdisDprFreePacketNonInterlocked", "4.5", DISPATCH, records="packet head"),
    _call(49, "NdisReinitializePacket", "4.5", DISPATCH, FRAMES, records="packet head"),
    # -- 4.6 buffer pools, buffers, chains --------------------------------------------------------------
    _call(50, "NdisAllocateBufferPool", "4.6", DISPATCH, records="pool count", result="status", fails=True).mutable(
        REPEAT, NumberOfDescriptors=NUMBER
    ),
    _call(51, "NdisFreeBufferPool", "4.6", DISPATCH, records="pool").mutable(ALL),
    _call(
        52, "NdisAllocateBuffer", "4.6", DISPATCH, records="pool address length buffer", result="status", fails=True
    ).mutable(REPEAT, VirtualAddress=ADDRESS, Length=NUMBER),
    # length: as adjusted now
    _call(53, "NdisFreeBuffer", "4.6", DISPATCH, records="buffer length").mutable(ALL, Mdl=OBJECT),
    # range: offset << 32 | length
    _call(54, "NdisCopyBuffer", "4.6", DISPATCH, records="pool source range buffer", result="status", fails=True),
    _call(55, "NdisAdjustBufferLength", "4.6", DISPATCH, FRAMES, records="buffer length").mutable(ALL, Length=NUMBER),
    _call(56, "NdisChainBufferAtFront", "4.6", HIGH, FRAMES, records="packet buffer").mutable(
        SKIP | REPEAT, Buffer=OBJECT
    ),
    _call(57, "NdisChainBufferAtBack", "4.6", HIGH, FRAMES, records="packet buffer"),
    _call(58, "NdisUnchainBufferAtFront", "4.6", HIGH, FRAMES, records="packet buffer").mutable(REPEAT, Packet=OBJECT),
    _call(59, "NdisUnchainBufferAtBack", "4.6", HIGH, FRAMES, records="packet buffer"),
    _call(UNRECORDED, "NdisRecalculatePacketCounts", "4.6", HIGH).mutable(SKIP | REPEAT | WAIT),
    _call(60, "NdisQueryBuffer", "4.6", DISPATCH, FRAMES, records="buffer", result="address"),
    _call(
        61, "NdisQueryBufferSafe", "4.6", DISPATCH, FRAMES, records="buffer priority", result="address", fails=True
    ).mutable(REPEAT | RAISE),
    # count: total bytes; 0xffff... if not asked for
    _call(62, "NdisQueryPacket", "4.6", DISPATCH, FRAMES, records="packet", result="count").mutable(REPEAT | RAISE),
    # -- 4.7 ports, device memory, interrupt ------------------------------------------------------------
    _call(
        63, "NdisMRegisterIoPortRange", "4.7", PASSIVE, records="first count offset", result="status", fails=True
    ).mutable(REPEAT | RAISE, InitialPort=NUMBER, NumberOfPorts=NUMBER),
    _call(64, "NdisMDeregisterIoPortRange", "4.7", PASSIVE, records="first count offset").mutable(
        ALL, InitialPort=NUMBER, NumberOfPorts=NUMBER, PortOffset=ADDRESS
    ),
    # every NdisRawReadPort*: bytes in all
    _call(65, "NdisRawReadPort", "4.7", HIGH, FRAMES, records="port bytes").mutable(
        REPEAT | RAISE, "Ulong", Port=ADDRESS
    ),
    _call(66, "NdisRawWritePort", "4.7", HIGH, FRAMES, records="port bytes").mutable(
        ALL, "Ulong", Port=ADDRESS, Value=NUMBER
    ),
    # every NdisWriteRegister*
    _call(67, "NdisWriteRegister", "4.7", HIGH, FRAMES, records="address value").mutable(
        SKIP | REPEAT | RAISE, "Ulong", Value=NUMBER
    ),
    _call(UNRECORDED, "NdisMoveToMappedMemory", "4.7", HIGH).mutable(SKIP | REPEAT | RAISE, Length=COUNT),
    _call(UNRECORDED, "NdisMoveFromMappedMemory", "4.7", HIGH).mutable(SKIP | REPEAT | RAISE, Length=COUNT),
    _call(
        68, "NdisMMapIoSpace", "4.7", PASSIVE, records="physical length address", result="status", fails=True
    ).mutable(REPEAT | RAISE, PhysicalAddress=ADDRESS, Length=SIZE),
    _call(69, "NdisMUnmapIoSpace", "4.7", PASSIVE, records="address length").mutable(
        ALL, VirtualAddress=BLOCK, Length=NUMBER
    ),
    # modes: RequestIsr | SharedInterrupt << 1 | Latched << 2
    _call(
        70,
        "NdisMRegisterInterrupt",
        "4.7",
        PASSIVE,
        records="interrupt vector level modes",
        result="status",
        fails=True,
    ).mutable(
        SKIP | REPEAT | RAISE, InterruptVector=NUMBER, InterruptLevel=NUMBER, RequestIsr=FLAG, SharedInterrupt=FLAG
    ),
    _call(71, "NdisMDeregisterInterrupt", "4.7", PASSIVE, records="interrupt").mutable(ALL),
    # -- 4.8 packets to and from the protocol -----------------------------------------------------------
    # CALL for each packet before the protocol sees it; LEAVE once for 64 packets: bit i: packet first + i is PENDING
    _call(
        72,
        "NdisMIndicateReceivePacket",
        "4.8",
        DISPATCH,
        FRAMES,
        records="packet buffer length status",
        result="digest",
    ).mutable(SKIP | REPEAT | RAISE, NumberOfPackets=COUNT),
    # changed: a PacketPart, since MiniportSendPackets
    _call(73, "NdisMSendComplete", "4.8", DISPATCH, FRAMES, records="packet status changed", result="digest").mutable(
        ALL, Packet=OBJECT
    ),
    _call(74, "NdisMIndicateStatus", "4.8", DISPATCH, records="status"),
    _call(75, "NdisMIndicateStatusComplete", "4.8", DISPATCH),
    # -- 4.9 kernel pool --------------------------------------------------------------------------------
    _call(76, "ExAllocatePool", "4.9", DISPATCH, records="type length", result="address", fails=True),
    _call(77, "ExAllocatePoolWithTag", "4.9", DISPATCH, records="type length tag", result="address", fails=True),
    _call(78, "ExFreePool", "4.9", DISPATCH, records="address beyond").mutable(ALL, P=BLOCK),
    _call(79, "ExFreePoolWithTag", "4.9", DISPATCH, records="address tag beyond"),
    # -- 8.1 configuration, log -------------------------------------------------------------------------
    _call(80, "NdisOpenConfiguration", "8.1", PASSIVE, records="handle", result="status", fails=True).mutable(
        REPEAT | RAISE
    ),
    _call(81, "NdisReadConfiguration", "8.1", PASSIVE, records="handle value", result="status", fails=True).mutable(
        REPEAT
    ),
    _call(82, "NdisReadNetworkAddress", "8.1", PASSIVE, records="handle length", result="status", fails=True),
    _call(83, "NdisCloseConfiguration", "8.1", PASSIVE, records="handle").mutable(ALL),
    _call(84, "NdisMQueryAdapterResources", "8.1", PASSIVE, records="size", result="status").mutable(REPEAT),
    _call(85, "NdisReadPciSlotInformation", "8.1", PASSIVE, records="offset length", result="count").mutable(
        SKIP | REPEAT | RAISE, Offset=NUMBER, Length=COUNT
    ),
    _call(86, "NdisWriteErrorLogEntry", "8.1", DISPATCH, records="code"),
    # -- locks, timers, events, waiting -----------------------------------------------------------------
    _call(87, "NdisAllocateSpinLock", "8.1", DISPATCH, records="lock").mutable(SKIP | REPEAT),
    _call(88, "NdisFreeSpinLock", "8.1", DISPATCH, records="lock").mutable(SKIP | REPEAT),
    _call(89, "NdisMInitializeTimer", "8.1", PASSIVE, records="timer"),
    _call(90, "NdisMSetTimer", "8.1", DISPATCH, FRAMES, records="timer milliseconds"),
    _call(91, "NdisMSetPeriodicTimer", "8.1", DISPATCH, FRAMES, records="timer milliseconds"),
    # value: 1 if it was cancelled
    _call(92, "NdisMCancelTimer", "8.1", DISPATCH, records="timer", result="value"),
    _call(93, "NdisInitializeEvent", "8.1", PASSIVE, records="event"),
    _call(94, "NdisSetEvent", "8.1", DISPATCH, records="event"),
    _call(95, "NdisResetEvent", "8.1", PASSIVE, records="event"),
    # value: 1 if it was set
    _call(96, "NdisWaitEvent", "8.1", PASSIVE, records="event milliseconds", result="value"),
    _call(97, "NdisMSleep", "9.8", PASSIVE, records="microseconds"),
    _call(98, "NdisStallExecution", "9.8", HIGH, FRAMES, records="microseconds"),
)
"""Everything that can be recorded, made to fail, or mutated."""

FUNCTIONS = tuple(function for function in DECLARED if function.number != UNRECORDED)
"""What can be recorded."""
BY_NAME = {function.name: function for function in FUNCTIONS}
