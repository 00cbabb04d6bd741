# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that the flight recorder can record: NDIS functions, the miniport's handlers, and the layer's own events.

Declared once. The guest's `recorded.h` is generated from it (`python -m nicrig.generate`), docs/ndis.md too, and
the verifier finds a record's fields by these names. At most four arguments are recorded: of a long signature those
that a rule can be broken with. An object is known by its address or handle.

When a record is written: an acquiring call after it returned, a releasing call before anything is released, a
hand-over (send, complete, indicate, return) before the other side sees the object.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
"""What GRANT and REVOKE record, whichever function did it; guard is 0 when it is taken back."""


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


@dataclass(frozen=True)
class RecordedFunction:
    """One thing that can be recorded.

    `highest` is the highest level it may be called at, for a handler the level it is called at. `result` names what
    the record's result holds: "status", "address", "handle", "count", "digest", or "" for nothing. A digest is the
    CRC32C of a packet's bytes as the CPU sees them, in the high half the slot that keeps them; ENTER has it too.
    """

    number: int
    name: str
    section: str
    arguments: tuple[str, ...]
    result: str
    highest: Irql
    detail: Detail


PASSIVE, DISPATCH, DEVICE, HIGH = Irql.PASSIVE, Irql.DISPATCH, Irql.DEVICE, Irql.HIGH
ALLOCATIONS, FRAMES = Detail.ALLOCATIONS, Detail.FRAMES

# name, section of docs/ndis51.md, arguments, result, highest level, detail
_DECLARED: tuple[tuple[str, str, str, str, Irql, Detail], ...] = (
    # -- handlers: ENTER carries the arguments, LEAVE the result ----------------------------------------
    ("DriverUnload", "4.8", "blocks", "", PASSIVE, ALLOCATIONS),  # blocks: allocations of the module still alive
    ("MiniportInitialize", "4.8", "device", "status", PASSIVE, ALLOCATIONS),  # device: PCI device id
    ("MiniportHalt", "4.8", "", "", PASSIVE, ALLOCATIONS),
    ("MiniportShutdown", "4.8", "", "", HIGH, ALLOCATIONS),
    ("MiniportReset", "4.8", "", "status", DISPATCH, ALLOCATIONS),
    ("MiniportCheckForHang", "4.8", "", "value", DISPATCH, FRAMES),
    ("MiniportQueryInformation", "4.8", "oid length", "status", DISPATCH, FRAMES),
    ("MiniportSetInformation", "4.8", "oid length", "status", DISPATCH, ALLOCATIONS),
    ("MiniportPnPEventNotify", "4.8", "event", "", PASSIVE, ALLOCATIONS),
    ("MiniportAllocateComplete", "4.8", "address physical length context", "", DISPATCH, ALLOCATIONS),
    ("MiniportISR", "4.8", "", "value", DEVICE, FRAMES),  # value: recognized | queue << 1
    ("MiniportEnableInterrupt", "4.8", "", "", DISPATCH, FRAMES),
    ("MiniportDisableInterrupt", "4.8", "", "", DEVICE, FRAMES),
    ("MiniportHandleInterrupt", "4.8", "", "", DISPATCH, FRAMES),
    (
        "MiniportSendPackets",
        "4.8",
        "packet buffer length elements",
        "digest",
        DISPATCH,
        FRAMES,
    ),  # ENTER for each packet
    ("MiniportReturnPacket", "4.8", "packet", "", DISPATCH, FRAMES),
    ("MiniportTimer", "4.8", "timer", "", DISPATCH, FRAMES),
    # -- what NDIS gave the miniport with a packet, one record an element --------------------------------
    ("ScatterGatherElement", "4.3", "packet index physical length", "", DISPATCH, FRAMES),
    # -- 4.1 plain memory -------------------------------------------------------------------------------
    ("NdisAllocateMemory", "4.1", "address length flags highest", "status", DISPATCH, ALLOCATIONS),
    ("NdisAllocateMemoryWithTag", "4.1", "address length tag", "status", DISPATCH, ALLOCATIONS),
    # beyond: 1 if the bytes behind the block were written
    ("NdisFreeMemory", "4.1", "address length flags beyond", "", DISPATCH, ALLOCATIONS),
    # -- 4.2 attributes ---------------------------------------------------------------------------------
    ("NdisMSetAttributesEx", "4.2", "context hang flags bus", "", PASSIVE, ALLOCATIONS),
    # -- 4.3 bus-master DMA -----------------------------------------------------------------------------
    ("NdisMInitializeScatterGatherDma", "4.3", "dma64 maximum", "status", PASSIVE, ALLOCATIONS),
    ("NdisMAllocateMapRegisters", "4.3", "channel size base maximum", "status", PASSIVE, ALLOCATIONS),
    ("NdisMFreeMapRegisters", "4.3", "", "", PASSIVE, ALLOCATIONS),
    ("NdisMAllocateSharedMemory", "4.3", "length cached physical", "address", PASSIVE, ALLOCATIONS),
    ("NdisMAllocateSharedMemoryAsync", "4.3", "length cached context", "status", DISPATCH, ALLOCATIONS),
    ("NdisMFreeSharedMemory", "4.3", "length cached address physical", "", DISPATCH, ALLOCATIONS),
    ("NdisMUpdateSharedMemory", "4.3", "length address physical", "", DISPATCH, FRAMES),
    ("NdisFlushBuffer", "4.3", "buffer address length write", "", DISPATCH, FRAMES),
    ("NdisMGetDmaAlignment", "4.3", "", "count", PASSIVE, ALLOCATIONS),
    # One record for each filled unit; count is of all units of this call, 0 with the buffer's length when it fails.
    # index_write: index << 1 | write
    ("NdisMStartBufferPhysicalMapping", "4.3", "buffer index_write physical length", "count", DISPATCH, FRAMES),
    ("NdisMCompleteBufferPhysicalMapping", "4.3", "buffer index", "", DISPATCH, FRAMES),
    # -- 4.4 subordinate DMA ----------------------------------------------------------------------------
    ("NdisMRegisterDmaChannel", "4.4", "handle channel dma32 maximum", "status", PASSIVE, ALLOCATIONS),
    ("NdisMDeregisterDmaChannel", "4.4", "handle", "", PASSIVE, ALLOCATIONS),
    # range: offset << 32 | length
    ("NdisMSetupDmaTransfer", "4.4", "handle buffer range write", "status", DISPATCH, FRAMES),
    ("NdisMCompleteDmaTransfer", "4.4", "handle buffer range write", "status", DISPATCH, FRAMES),
    ("NdisMReadDmaCounter", "4.4", "handle", "count", DISPATCH, FRAMES),
    # -- 4.5 packet pools and packets -------------------------------------------------------------------
    ("NdisAllocatePacketPool", "4.5", "pool count reserved", "status", DISPATCH, ALLOCATIONS),
    ("NdisAllocatePacketPoolEx", "4.5", "pool count overflow reserved", "status", DISPATCH, ALLOCATIONS),
    ("NdisFreePacketPool", "4.5", "pool", "", DISPATCH, ALLOCATIONS),
    ("NdisPacketPoolUsage", "4.5", "pool", "count", DISPATCH, FRAMES),
    ("NdisAllocatePacket", "4.5", "pool packet", "status", DISPATCH, ALLOCATIONS),
    ("NdisDprAllocatePacket", "4.5", "pool packet", "status", DISPATCH, ALLOCATIONS),
    ("NdisDprAllocatePacketNonInterlocked", "4.5", "pool packet", "status", DISPATCH, ALLOCATIONS),
    ("NdisFreePacket", "4.5", "packet head", "", DISPATCH, ALLOCATIONS),
    ("NdisDprFreePacket", "4.5", "packet head", "", DISPATCH, ALLOCATIONS),
    ("NdisDprFreePacketNonInterlocked", "4.5", "packet head", "", DISPATCH, ALLOCATIONS),
    ("NdisReinitializePacket", "4.5", "packet head", "", DISPATCH, FRAMES),
    # -- 4.6 buffer pools, buffers, chains --------------------------------------------------------------
    ("NdisAllocateBufferPool", "4.6", "pool count", "status", DISPATCH, ALLOCATIONS),
    ("NdisFreeBufferPool", "4.6", "pool", "", DISPATCH, ALLOCATIONS),
    ("NdisAllocateBuffer", "4.6", "pool address length buffer", "status", DISPATCH, ALLOCATIONS),
    ("NdisFreeBuffer", "4.6", "buffer length", "", DISPATCH, ALLOCATIONS),  # length: as adjusted now
    # range: offset << 32 | length
    ("NdisCopyBuffer", "4.6", "pool source range buffer", "status", DISPATCH, ALLOCATIONS),
    ("NdisAdjustBufferLength", "4.6", "buffer length", "", DISPATCH, FRAMES),
    ("NdisChainBufferAtFront", "4.6", "packet buffer", "", HIGH, FRAMES),
    ("NdisChainBufferAtBack", "4.6", "packet buffer", "", HIGH, FRAMES),
    ("NdisUnchainBufferAtFront", "4.6", "packet buffer", "", HIGH, FRAMES),
    ("NdisUnchainBufferAtBack", "4.6", "packet buffer", "", HIGH, FRAMES),
    ("NdisQueryBuffer", "4.6", "buffer", "address", DISPATCH, FRAMES),
    ("NdisQueryBufferSafe", "4.6", "buffer priority", "address", DISPATCH, FRAMES),
    ("NdisQueryPacket", "4.6", "packet", "count", DISPATCH, FRAMES),  # count: total bytes; 0xffff... if not asked for
    # -- 4.7 ports, device memory, interrupt ------------------------------------------------------------
    ("NdisMRegisterIoPortRange", "4.7", "first count offset", "status", PASSIVE, ALLOCATIONS),
    ("NdisMDeregisterIoPortRange", "4.7", "first count offset", "", PASSIVE, ALLOCATIONS),
    ("NdisRawReadPort", "4.7", "port bytes", "", HIGH, FRAMES),  # every NdisRawReadPort*: bytes in all
    ("NdisRawWritePort", "4.7", "port bytes", "", HIGH, FRAMES),
    ("NdisWriteRegister", "4.7", "address value", "", HIGH, FRAMES),  # every NdisWriteRegister*
    ("NdisMMapIoSpace", "4.7", "physical length address", "status", PASSIVE, ALLOCATIONS),
    ("NdisMUnmapIoSpace", "4.7", "address length", "", PASSIVE, ALLOCATIONS),
    # modes: RequestIsr | SharedInterrupt << 1 | Latched << 2
    ("NdisMRegisterInterrupt", "4.7", "interrupt vector level modes", "status", PASSIVE, ALLOCATIONS),
    ("NdisMDeregisterInterrupt", "4.7", "interrupt", "", PASSIVE, ALLOCATIONS),
    # -- 4.8 packets to and from the protocol -----------------------------------------------------------
    # CALL for each packet before the protocol sees it; LEAVE once for 64 packets: bit i: packet first + i is PENDING
    ("NdisMIndicateReceivePacket", "4.8", "packet buffer length status", "digest", DISPATCH, FRAMES),
    ("NdisMSendComplete", "4.8", "packet status", "digest", DISPATCH, FRAMES),
    ("NdisMIndicateStatus", "4.8", "status", "", DISPATCH, ALLOCATIONS),
    ("NdisMIndicateStatusComplete", "4.8", "", "", DISPATCH, ALLOCATIONS),
    # -- 4.9 kernel pool --------------------------------------------------------------------------------
    ("ExAllocatePool", "4.9", "type length", "address", DISPATCH, ALLOCATIONS),
    ("ExAllocatePoolWithTag", "4.9", "type length tag", "address", DISPATCH, ALLOCATIONS),
    ("ExFreePool", "4.9", "address", "", DISPATCH, ALLOCATIONS),
    ("ExFreePoolWithTag", "4.9", "address tag", "", DISPATCH, ALLOCATIONS),
    # -- 8.1 configuration, log -------------------------------------------------------------------------
    ("NdisOpenConfiguration", "8.1", "handle", "status", PASSIVE, ALLOCATIONS),
    ("NdisReadConfiguration", "8.1", "handle value", "status", PASSIVE, ALLOCATIONS),
    ("NdisReadNetworkAddress", "8.1", "handle length", "status", PASSIVE, ALLOCATIONS),
    ("NdisCloseConfiguration", "8.1", "handle", "", PASSIVE, ALLOCATIONS),
    ("NdisMQueryAdapterResources", "8.1", "size", "status", PASSIVE, ALLOCATIONS),
    ("NdisReadPciSlotInformation", "8.1", "offset length", "count", PASSIVE, ALLOCATIONS),
    ("NdisWriteErrorLogEntry", "8.1", "code", "", DISPATCH, ALLOCATIONS),
    # -- locks, timers, events, waiting -----------------------------------------------------------------
    ("NdisAllocateSpinLock", "8.1", "lock", "", DISPATCH, ALLOCATIONS),
    ("NdisFreeSpinLock", "8.1", "lock", "", DISPATCH, ALLOCATIONS),
    ("NdisMInitializeTimer", "8.1", "timer", "", PASSIVE, ALLOCATIONS),
    ("NdisMSetTimer", "8.1", "timer milliseconds", "", DISPATCH, FRAMES),
    ("NdisMSetPeriodicTimer", "8.1", "timer milliseconds", "", DISPATCH, FRAMES),
    ("NdisMCancelTimer", "8.1", "timer", "value", DISPATCH, ALLOCATIONS),  # value: 1 if it was cancelled
    ("NdisInitializeEvent", "8.1", "event", "", PASSIVE, ALLOCATIONS),
    ("NdisSetEvent", "8.1", "event", "", DISPATCH, ALLOCATIONS),
    ("NdisResetEvent", "8.1", "event", "", PASSIVE, ALLOCATIONS),
    ("NdisWaitEvent", "8.1", "event milliseconds", "value", PASSIVE, ALLOCATIONS),  # value: 1 if it was set
    ("NdisMSleep", "9.8", "microseconds", "", PASSIVE, ALLOCATIONS),
    ("NdisStallExecution", "9.8", "microseconds", "", HIGH, FRAMES),
)

FUNCTIONS = tuple(
    RecordedFunction(number, name, section, tuple(arguments.split()), result, highest, detail)
    for number, (name, section, arguments, result, highest, detail) in enumerate(_DECLARED, 1)
)
BY_NAME = {function.name: function for function in FUNCTIONS}
