# SPDX-License-Identifier: GPL-2.0-or-later
"""A class for each record: a function's call or handler, its return, and the events of the card.

Generated from functions.py and events.py by `make generate`: do not edit.
"""

from nicrig.verifier.events import Call, CardEvent, Enter, Event, Leave, argument
from nicrig.verifier.functions import RecordKind


class DriverUnload(Enter):
    """DriverUnload, section 4.8."""

    __slots__ = ()
    blocks = argument(0)


class LeaveDriverUnload(Leave):
    """DriverUnload returned."""

    __slots__ = ()


class MiniportInitialize(Enter):
    """MiniportInitialize, section 4.8."""

    __slots__ = ()
    device = argument(0)


class LeaveMiniportInitialize(Leave):
    """MiniportInitialize returned."""

    __slots__ = ()


class MiniportHalt(Enter):
    """MiniportHalt, section 4.8."""

    __slots__ = ()


class LeaveMiniportHalt(Leave):
    """MiniportHalt returned."""

    __slots__ = ()


class MiniportShutdown(Enter):
    """MiniportShutdown, section 4.8."""

    __slots__ = ()


class LeaveMiniportShutdown(Leave):
    """MiniportShutdown returned."""

    __slots__ = ()


class MiniportReset(Enter):
    """MiniportReset, section 4.8."""

    __slots__ = ()


class LeaveMiniportReset(Leave):
    """MiniportReset returned."""

    __slots__ = ()


class MiniportCheckForHang(Enter):
    """MiniportCheckForHang, section 4.8."""

    __slots__ = ()


class LeaveMiniportCheckForHang(Leave):
    """MiniportCheckForHang returned."""

    __slots__ = ()


class MiniportQueryInformation(Enter):
    """MiniportQueryInformation, section 4.8."""

    __slots__ = ()
    oid = argument(0)
    length = argument(1)


class LeaveMiniportQueryInformation(Leave):
    """MiniportQueryInformation returned."""

    __slots__ = ()


class MiniportSetInformation(Enter):
    """MiniportSetInformation, section 4.8."""

    __slots__ = ()
    oid = argument(0)
    length = argument(1)


class LeaveMiniportSetInformation(Leave):
    """MiniportSetInformation returned."""

    __slots__ = ()


class MiniportPnPEventNotify(Enter):
    """MiniportPnPEventNotify, section 4.8."""

    __slots__ = ()
    event = argument(0)


class LeaveMiniportPnPEventNotify(Leave):
    """MiniportPnPEventNotify returned."""

    __slots__ = ()


class MiniportAllocateComplete(Enter):
    """MiniportAllocateComplete, section 4.8."""

    __slots__ = ()
    address = argument(0)
    physical = argument(1)
    length = argument(2)
    context = argument(3)


class LeaveMiniportAllocateComplete(Leave):
    """MiniportAllocateComplete returned."""

    __slots__ = ()


class MiniportISR(Enter):
    """MiniportISR, section 4.8."""

    __slots__ = ()


class LeaveMiniportISR(Leave):
    """MiniportISR returned."""

    __slots__ = ()


class MiniportEnableInterrupt(Enter):
    """MiniportEnableInterrupt, section 4.8."""

    __slots__ = ()


class LeaveMiniportEnableInterrupt(Leave):
    """MiniportEnableInterrupt returned."""

    __slots__ = ()


class MiniportDisableInterrupt(Enter):
    """MiniportDisableInterrupt, section 4.8."""

    __slots__ = ()


class LeaveMiniportDisableInterrupt(Leave):
    """MiniportDisableInterrupt returned."""

    __slots__ = ()


class MiniportHandleInterrupt(Enter):
    """MiniportHandleInterrupt, section 4.8."""

    __slots__ = ()


class LeaveMiniportHandleInterrupt(Leave):
    """MiniportHandleInterrupt returned."""

    __slots__ = ()


class MiniportSendPackets(Enter):
    """MiniportSendPackets, section 4.8."""

    __slots__ = ()
    packet = argument(0)
    buffer = argument(1)
    length = argument(2)
    elements = argument(3)


class LeaveMiniportSendPackets(Leave):
    """MiniportSendPackets returned."""

    __slots__ = ()


class MiniportReturnPacket(Enter):
    """MiniportReturnPacket, section 4.8."""

    __slots__ = ()
    packet = argument(0)
    changed = argument(1)


class LeaveMiniportReturnPacket(Leave):
    """MiniportReturnPacket returned."""

    __slots__ = ()


class MiniportTimer(Enter):
    """MiniportTimer, section 4.8."""

    __slots__ = ()
    timer = argument(0)


class LeaveMiniportTimer(Leave):
    """MiniportTimer returned."""

    __slots__ = ()


class ScatterGatherElement(Call):
    """ScatterGatherElement, section 4.3."""

    __slots__ = ()
    packet = argument(0)
    index = argument(1)  # type: ignore[assignment]
    physical = argument(2)
    length = argument(3)


class NdisAllocateMemory(Call):
    """NdisAllocateMemory, section 4.1."""

    __slots__ = ()
    address = argument(0)
    length = argument(1)
    flags = argument(2)
    highest = argument(3)


class NdisAllocateMemoryWithTag(Call):
    """NdisAllocateMemoryWithTag, section 4.1."""

    __slots__ = ()
    address = argument(0)
    length = argument(1)
    tag = argument(2)


class NdisFreeMemory(Call):
    """NdisFreeMemory, section 4.1."""

    __slots__ = ()
    address = argument(0)
    length = argument(1)
    flags = argument(2)
    beyond = argument(3)


class LeaveNdisFreeMemory(Event):
    """NdisFreeMemory returned."""

    __slots__ = ()
    address = argument(0)
    changed = argument(1)
    length = argument(2)


class NdisMSetAttributesEx(Call):
    """NdisMSetAttributesEx, section 4.2."""

    __slots__ = ()
    context = argument(0)
    hang = argument(1)
    flags = argument(2)
    bus = argument(3)


class NdisMInitializeScatterGatherDma(Call):
    """NdisMInitializeScatterGatherDma, section 4.3."""

    __slots__ = ()
    dma64 = argument(0)
    maximum = argument(1)


class NdisMAllocateMapRegisters(Call):
    """NdisMAllocateMapRegisters, section 4.3."""

    __slots__ = ()
    channel = argument(0)
    size = argument(1)
    base = argument(2)
    maximum = argument(3)


class NdisMFreeMapRegisters(Call):
    """NdisMFreeMapRegisters, section 4.3."""

    __slots__ = ()


class NdisMAllocateSharedMemory(Call):
    """NdisMAllocateSharedMemory, section 4.3."""

    __slots__ = ()
    length = argument(0)
    cached = argument(1)
    physical = argument(2)


class NdisMAllocateSharedMemoryAsync(Call):
    """NdisMAllocateSharedMemoryAsync, section 4.3."""

    __slots__ = ()
    length = argument(0)
    cached = argument(1)
    context = argument(2)


class NdisMFreeSharedMemory(Call):
    """NdisMFreeSharedMemory, section 4.3."""

    __slots__ = ()
    length = argument(0)
    cached = argument(1)
    address = argument(2)
    physical = argument(3)


class NdisMUpdateSharedMemory(Call):
    """NdisMUpdateSharedMemory, section 4.3."""

    __slots__ = ()
    length = argument(0)
    address = argument(1)
    physical = argument(2)


class NdisFlushBuffer(Call):
    """NdisFlushBuffer, section 4.3."""

    __slots__ = ()
    buffer = argument(0)
    address = argument(1)
    length = argument(2)
    write = argument(3)


class NdisMGetDmaAlignment(Call):
    """NdisMGetDmaAlignment, section 4.3."""

    __slots__ = ()


class NdisMStartBufferPhysicalMapping(Call):
    """NdisMStartBufferPhysicalMapping, section 4.3."""

    __slots__ = ()
    buffer = argument(0)
    index_write = argument(1)
    physical = argument(2)
    length = argument(3)

    @property
    def index(self) -> int:  # type: ignore[override]
        return self.index_write >> 1

    @property
    def write(self) -> int:
        return self.index_write & 0x1


class NdisMCompleteBufferPhysicalMapping(Call):
    """NdisMCompleteBufferPhysicalMapping, section 4.3."""

    __slots__ = ()
    buffer = argument(0)
    index = argument(1)  # type: ignore[assignment]


class NdisMRegisterDmaChannel(Call):
    """NdisMRegisterDmaChannel, section 4.4."""

    __slots__ = ()
    handle = argument(0)
    channel = argument(1)
    dma32 = argument(2)
    maximum = argument(3)


class NdisMDeregisterDmaChannel(Call):
    """NdisMDeregisterDmaChannel, section 4.4."""

    __slots__ = ()
    handle = argument(0)


class NdisMSetupDmaTransfer(Call):
    """NdisMSetupDmaTransfer, section 4.4."""

    __slots__ = ()
    handle = argument(0)
    buffer = argument(1)
    range = argument(2)
    write = argument(3)

    @property
    def offset(self) -> int:
        return self.range >> 32

    @property
    def length(self) -> int:
        return self.range & 0xFFFFFFFF


class NdisMCompleteDmaTransfer(Call):
    """NdisMCompleteDmaTransfer, section 4.4."""

    __slots__ = ()
    handle = argument(0)
    buffer = argument(1)
    range = argument(2)
    write = argument(3)

    @property
    def offset(self) -> int:
        return self.range >> 32

    @property
    def length(self) -> int:
        return self.range & 0xFFFFFFFF


class NdisMReadDmaCounter(Call):
    """NdisMReadDmaCounter, section 4.4."""

    __slots__ = ()
    handle = argument(0)


class NdisAllocatePacketPool(Call):
    """NdisAllocatePacketPool, section 4.5."""

    __slots__ = ()
    pool = argument(0)
    count = argument(1)  # type: ignore[assignment]
    reserved = argument(2)


class NdisAllocatePacketPoolEx(Call):
    """NdisAllocatePacketPoolEx, section 4.5."""

    __slots__ = ()
    pool = argument(0)
    count = argument(1)  # type: ignore[assignment]
    overflow = argument(2)
    reserved = argument(3)


class NdisFreePacketPool(Call):
    """NdisFreePacketPool, section 4.5."""

    __slots__ = ()
    pool = argument(0)


class NdisPacketPoolUsage(Call):
    """NdisPacketPoolUsage, section 4.5."""

    __slots__ = ()
    pool = argument(0)


class NdisAllocatePacket(Call):
    """NdisAllocatePacket, section 4.5."""

    __slots__ = ()
    pool = argument(0)
    packet = argument(1)


class NdisDprAllocatePacket(Call):
    """NdisDprAllocatePacket, section 4.5."""

    __slots__ = ()
    pool = argument(0)
    packet = argument(1)


class NdisDprAllocatePacketNonInterlocked(Call):
    """NdisDprAllocatePacketNonInterlocked, section 4.5."""

    __slots__ = ()
    pool = argument(0)
    packet = argument(1)


class NdisFreePacket(Call):
    """NdisFreePacket, section 4.5."""

    __slots__ = ()
    packet = argument(0)
    head = argument(1)


class LeaveNdisFreePacket(Event):
    """NdisFreePacket returned."""

    __slots__ = ()
    packet = argument(0)
    changed = argument(1)


class NdisDprFreePacket(Call):
    """NdisDprFreePacket, section 4.5."""

    __slots__ = ()
    packet = argument(0)
    head = argument(1)


class LeaveNdisDprFreePacket(Event):
    """NdisDprFreePacket returned."""

    __slots__ = ()
    packet = argument(0)
    changed = argument(1)


class NdisDprFreePacketNonInterlocked(Call):
    """NdisDprFreePacketNonInterlocked, section 4.5."""

    __slots__ = ()
    packet = argument(0)
    head = argument(1)


class LeaveNdisDprFreePacketNonInterlocked(Event):
    """NdisDprFreePacketNonInterlocked returned."""

    __slots__ = ()
    packet = argument(0)
    changed = argument(1)


class NdisReinitializePacket(Call):
    """NdisReinitializePacket, section 4.5."""

    __slots__ = ()
    packet = argument(0)
    head = argument(1)


class NdisAllocateBufferPool(Call):
    """NdisAllocateBufferPool, section 4.6."""

    __slots__ = ()
    pool = argument(0)
    count = argument(1)  # type: ignore[assignment]


class NdisFreeBufferPool(Call):
    """NdisFreeBufferPool, section 4.6."""

    __slots__ = ()
    pool = argument(0)


class NdisAllocateBuffer(Call):
    """NdisAllocateBuffer, section 4.6."""

    __slots__ = ()
    pool = argument(0)
    address = argument(1)
    length = argument(2)
    buffer = argument(3)


class NdisFreeBuffer(Call):
    """NdisFreeBuffer, section 4.6."""

    __slots__ = ()
    buffer = argument(0)
    length = argument(1)


class NdisCopyBuffer(Call):
    """NdisCopyBuffer, section 4.6."""

    __slots__ = ()
    pool = argument(0)
    source = argument(1)
    range = argument(2)
    buffer = argument(3)

    @property
    def offset(self) -> int:
        return self.range >> 32

    @property
    def length(self) -> int:
        return self.range & 0xFFFFFFFF


class NdisAdjustBufferLength(Call):
    """NdisAdjustBufferLength, section 4.6."""

    __slots__ = ()
    buffer = argument(0)
    length = argument(1)


class NdisChainBufferAtFront(Call):
    """NdisChainBufferAtFront, section 4.6."""

    __slots__ = ()
    packet = argument(0)
    buffer = argument(1)


class NdisChainBufferAtBack(Call):
    """NdisChainBufferAtBack, section 4.6."""

    __slots__ = ()
    packet = argument(0)
    buffer = argument(1)


class NdisUnchainBufferAtFront(Call):
    """NdisUnchainBufferAtFront, section 4.6."""

    __slots__ = ()
    packet = argument(0)
    buffer = argument(1)


class NdisUnchainBufferAtBack(Call):
    """NdisUnchainBufferAtBack, section 4.6."""

    __slots__ = ()
    packet = argument(0)
    buffer = argument(1)


class NdisQueryBuffer(Call):
    """NdisQueryBuffer, section 4.6."""

    __slots__ = ()
    buffer = argument(0)


class NdisQueryBufferSafe(Call):
    """NdisQueryBufferSafe, section 4.6."""

    __slots__ = ()
    buffer = argument(0)
    priority = argument(1)


class NdisQueryPacket(Call):
    """NdisQueryPacket, section 4.6."""

    __slots__ = ()
    packet = argument(0)


class NdisMRegisterIoPortRange(Call):
    """NdisMRegisterIoPortRange, section 4.7."""

    __slots__ = ()
    first = argument(0)
    count = argument(1)  # type: ignore[assignment]
    offset = argument(2)


class NdisMDeregisterIoPortRange(Call):
    """NdisMDeregisterIoPortRange, section 4.7."""

    __slots__ = ()
    first = argument(0)
    count = argument(1)  # type: ignore[assignment]
    offset = argument(2)


class NdisRawReadPort(Call):
    """NdisRawReadPort, section 4.7."""

    __slots__ = ()
    port = argument(0)
    bytes = argument(1)


class NdisRawWritePort(Call):
    """NdisRawWritePort, section 4.7."""

    __slots__ = ()
    port = argument(0)
    bytes = argument(1)


class NdisWriteRegister(Call):
    """NdisWriteRegister, section 4.7."""

    __slots__ = ()
    address = argument(0)
    value = argument(1)


class NdisMMapIoSpace(Call):
    """NdisMMapIoSpace, section 4.7."""

    __slots__ = ()
    physical = argument(0)
    length = argument(1)
    address = argument(2)


class NdisMUnmapIoSpace(Call):
    """NdisMUnmapIoSpace, section 4.7."""

    __slots__ = ()
    address = argument(0)
    length = argument(1)


class NdisMRegisterInterrupt(Call):
    """NdisMRegisterInterrupt, section 4.7."""

    __slots__ = ()
    interrupt = argument(0)
    vector = argument(1)
    level = argument(2)
    modes = argument(3)

    @property
    def request_isr(self) -> int:
        return self.modes & 0x1

    @property
    def shared(self) -> int:
        return self.modes >> 1 & 0x1

    @property
    def latched(self) -> int:
        return self.modes >> 2 & 0x1


class NdisMDeregisterInterrupt(Call):
    """NdisMDeregisterInterrupt, section 4.7."""

    __slots__ = ()
    interrupt = argument(0)


class NdisMIndicateReceivePacket(Call):
    """NdisMIndicateReceivePacket, section 4.8."""

    __slots__ = ()
    packet = argument(0)
    buffer = argument(1)
    length = argument(2)
    status = argument(3)


class LeaveNdisMIndicateReceivePacket(Event):
    """NdisMIndicateReceivePacket returned."""

    __slots__ = ()
    first = argument(0)
    pending = argument(1)
    count = argument(2)  # type: ignore[assignment]


class NdisMSendComplete(Call):
    """NdisMSendComplete, section 4.8."""

    __slots__ = ()
    packet = argument(0)
    status = argument(1)
    changed = argument(2)


class LeaveNdisMSendComplete(Event):
    """NdisMSendComplete returned."""

    __slots__ = ()
    packet = argument(0)
    changed = argument(1)


class NdisMIndicateStatus(Call):
    """NdisMIndicateStatus, section 4.8."""

    __slots__ = ()
    status = argument(0)


class NdisMIndicateStatusComplete(Call):
    """NdisMIndicateStatusComplete, section 4.8."""

    __slots__ = ()


class ExAllocatePool(Call):
    """ExAllocatePool, section 4.9."""

    __slots__ = ()
    type = argument(0)
    length = argument(1)


class ExAllocatePoolWithTag(Call):
    """ExAllocatePoolWithTag, section 4.9."""

    __slots__ = ()
    type = argument(0)
    length = argument(1)
    tag = argument(2)


class ExFreePool(Call):
    """ExFreePool, section 4.9."""

    __slots__ = ()
    address = argument(0)
    beyond = argument(1)


class LeaveExFreePool(Event):
    """ExFreePool returned."""

    __slots__ = ()
    address = argument(0)
    changed = argument(1)
    length = argument(2)


class ExFreePoolWithTag(Call):
    """ExFreePoolWithTag, section 4.9."""

    __slots__ = ()
    address = argument(0)
    tag = argument(1)
    beyond = argument(2)


class LeaveExFreePoolWithTag(Event):
    """ExFreePoolWithTag returned."""

    __slots__ = ()
    address = argument(0)
    changed = argument(1)
    length = argument(2)


class NdisOpenConfiguration(Call):
    """NdisOpenConfiguration, section 8.1."""

    __slots__ = ()
    handle = argument(0)


class NdisReadConfiguration(Call):
    """NdisReadConfiguration, section 8.1."""

    __slots__ = ()
    handle = argument(0)
    value = argument(1)


class NdisReadNetworkAddress(Call):
    """NdisReadNetworkAddress, section 8.1."""

    __slots__ = ()
    handle = argument(0)
    length = argument(1)


class NdisCloseConfiguration(Call):
    """NdisCloseConfiguration, section 8.1."""

    __slots__ = ()
    handle = argument(0)


class NdisMQueryAdapterResources(Call):
    """NdisMQueryAdapterResources, section 8.1."""

    __slots__ = ()
    size = argument(0)


class NdisReadPciSlotInformation(Call):
    """NdisReadPciSlotInformation, section 8.1."""

    __slots__ = ()
    offset = argument(0)
    length = argument(1)


class NdisWriteErrorLogEntry(Call):
    """NdisWriteErrorLogEntry, section 8.1."""

    __slots__ = ()
    code = argument(0)


class NdisAllocateSpinLock(Call):
    """NdisAllocateSpinLock, section 8.1."""

    __slots__ = ()
    lock = argument(0)


class NdisFreeSpinLock(Call):
    """NdisFreeSpinLock, section 8.1."""

    __slots__ = ()
    lock = argument(0)


class NdisMInitializeTimer(Call):
    """NdisMInitializeTimer, section 8.1."""

    __slots__ = ()
    timer = argument(0)


class NdisMSetTimer(Call):
    """NdisMSetTimer, section 8.1."""

    __slots__ = ()
    timer = argument(0)
    milliseconds = argument(1)


class NdisMSetPeriodicTimer(Call):
    """NdisMSetPeriodicTimer, section 8.1."""

    __slots__ = ()
    timer = argument(0)
    milliseconds = argument(1)


class NdisMCancelTimer(Call):
    """NdisMCancelTimer, section 8.1."""

    __slots__ = ()
    timer = argument(0)


class NdisInitializeEvent(Call):
    """NdisInitializeEvent, section 8.1."""

    __slots__ = ()
    event = argument(0)


class NdisSetEvent(Call):
    """NdisSetEvent, section 8.1."""

    __slots__ = ()
    event = argument(0)


class NdisResetEvent(Call):
    """NdisResetEvent, section 8.1."""

    __slots__ = ()
    event = argument(0)


class NdisWaitEvent(Call):
    """NdisWaitEvent, section 8.1."""

    __slots__ = ()
    event = argument(0)
    milliseconds = argument(1)


class NdisMSleep(Call):
    """NdisMSleep, section 9.8."""

    __slots__ = ()
    microseconds = argument(0)


class NdisStallExecution(Call):
    """NdisStallExecution, section 9.8."""

    __slots__ = ()
    microseconds = argument(0)


class GrantRecord(Event):
    """A call gave memory to the card."""

    __slots__ = ()
    physical = argument(0)
    length = argument(1)
    flags = argument(2)
    guard = argument(3)


class RevokeRecord(Event):
    """A call took memory back from the card."""

    __slots__ = ()
    physical = argument(0)
    length = argument(1)
    flags = argument(2)
    guard = argument(3)


class CardReset(CardEvent):
    """card.reset."""

    __slots__ = ()


class CardRegister(CardEvent):
    """card.register."""

    __slots__ = ()
    bar = argument(0)
    offset = argument(1)
    value = argument(2)


class CardEnable(CardEvent):
    """card.enable."""

    __slots__ = ()
    transmit = argument(0)
    base = argument(1)
    size = argument(2)


class CardDisable(CardEvent):
    """card.disable."""

    __slots__ = ()
    transmit = argument(0)


class CardDoorbell(CardEvent):
    """card.doorbell."""

    __slots__ = ()
    transmit = argument(0)
    tail = argument(1)
    head = argument(2)
    size = argument(3)


class CardRead(CardEvent):
    """card.read."""

    __slots__ = ()
    index = argument(0)  # type: ignore[assignment]
    address = argument(1)
    length = argument(2)
    status = argument(3)


class CardWrite(CardEvent):
    """card.write."""

    __slots__ = ()
    index = argument(0)  # type: ignore[assignment]
    address = argument(1)
    length = argument(2)
    status = argument(3)


class CardInterrupt(CardEvent):
    """card.interrupt."""

    __slots__ = ()
    vector = argument(0)


class CardLink(CardEvent):
    """card.link."""

    __slots__ = ()
    up = argument(0)


class CardRefusal(CardEvent):
    """card.refusal."""

    __slots__ = ()
    code = argument(0)
    index = argument(1)  # type: ignore[assignment]
    transmit = argument(2)


class CardFrameIn(CardEvent):
    """card.frame_in."""

    __slots__ = ()
    place = argument(0)
    address = argument(1)
    length = argument(2)
    digest = argument(3)

    @property
    def queue(self) -> int:
        return self.place >> 16

    @property
    def index(self) -> int:  # type: ignore[override]
        return self.place & 0xFFFF


class CardFrameOut(CardEvent):
    """card.frame_out."""

    __slots__ = ()
    place = argument(0)
    address = argument(1)
    length = argument(2)
    digest = argument(3)

    @property
    def queue(self) -> int:
        return self.place >> 16

    @property
    def index(self) -> int:  # type: ignore[override]
        return self.place & 0xFFFF


class CardLedger(CardEvent):
    """card.ledger."""

    __slots__ = ()
    finding = argument(0)
    address = argument(1)
    length = argument(2)
    index = argument(3)  # type: ignore[assignment]


class CardHandOver(CardEvent):
    """card.hand_over."""

    __slots__ = ()
    finding = argument(0)
    address = argument(1)
    length = argument(2)
    index = argument(3)  # type: ignore[assignment]


class CardTaken(CardEvent):
    """card.taken."""

    __slots__ = ()
    index = argument(0)  # type: ignore[assignment]
    address = argument(1)
    length = argument(2)
    status = argument(3)


RECORDS: dict[tuple[str, int], type[Event]] = {
    ("DriverUnload", RecordKind.ENTER): DriverUnload,
    ("DriverUnload", RecordKind.LEAVE): LeaveDriverUnload,
    ("MiniportInitialize", RecordKind.ENTER): MiniportInitialize,
    ("MiniportInitialize", RecordKind.LEAVE): LeaveMiniportInitialize,
    ("MiniportHalt", RecordKind.ENTER): MiniportHalt,
    ("MiniportHalt", RecordKind.LEAVE): LeaveMiniportHalt,
    ("MiniportShutdown", RecordKind.ENTER): MiniportShutdown,
    ("MiniportShutdown", RecordKind.LEAVE): LeaveMiniportShutdown,
    ("MiniportReset", RecordKind.ENTER): MiniportReset,
    ("MiniportReset", RecordKind.LEAVE): LeaveMiniportReset,
    ("MiniportCheckForHang", RecordKind.ENTER): MiniportCheckForHang,
    ("MiniportCheckForHang", RecordKind.LEAVE): LeaveMiniportCheckForHang,
    ("MiniportQueryInformation", RecordKind.ENTER): MiniportQueryInformation,
    ("MiniportQueryInformation", RecordKind.LEAVE): LeaveMiniportQueryInformation,
    ("MiniportSetInformation", RecordKind.ENTER): MiniportSetInformation,
    ("MiniportSetInformation", RecordKind.LEAVE): LeaveMiniportSetInformation,
    ("MiniportPnPEventNotify", RecordKind.ENTER): MiniportPnPEventNotify,
    ("MiniportPnPEventNotify", RecordKind.LEAVE): LeaveMiniportPnPEventNotify,
    ("MiniportAllocateComplete", RecordKind.ENTER): MiniportAllocateComplete,
    ("MiniportAllocateComplete", RecordKind.LEAVE): LeaveMiniportAllocateComplete,
    ("MiniportISR", RecordKind.ENTER): MiniportISR,
    ("MiniportISR", RecordKind.LEAVE): LeaveMiniportISR,
    ("MiniportEnableInterrupt", RecordKind.ENTER): MiniportEnableInterrupt,
    ("MiniportEnableInterrupt", RecordKind.LEAVE): LeaveMiniportEnableInterrupt,
    ("MiniportDisableInterrupt", RecordKind.ENTER): MiniportDisableInterrupt,
    ("MiniportDisableInterrupt", RecordKind.LEAVE): LeaveMiniportDisableInterrupt,
    ("MiniportHandleInterrupt", RecordKind.ENTER): MiniportHandleInterrupt,
    ("MiniportHandleInterrupt", RecordKind.LEAVE): LeaveMiniportHandleInterrupt,
    ("MiniportSendPackets", RecordKind.ENTER): MiniportSendPackets,
    ("MiniportSendPackets", RecordKind.LEAVE): LeaveMiniportSendPackets,
    ("MiniportReturnPacket", RecordKind.ENTER): MiniportReturnPacket,
    ("MiniportReturnPacket", RecordKind.LEAVE): LeaveMiniportReturnPacket,
    ("MiniportTimer", RecordKind.ENTER): MiniportTimer,
    ("MiniportTimer", RecordKind.LEAVE): LeaveMiniportTimer,
    ("ScatterGatherElement", RecordKind.CALL): ScatterGatherElement,
    ("NdisAllocateMemory", RecordKind.CALL): NdisAllocateMemory,
    ("NdisAllocateMemoryWithTag", RecordKind.CALL): NdisAllocateMemoryWithTag,
    ("NdisFreeMemory", RecordKind.CALL): NdisFreeMemory,
    ("NdisFreeMemory", RecordKind.LEAVE): LeaveNdisFreeMemory,
    ("NdisMSetAttributesEx", RecordKind.CALL): NdisMSetAttributesEx,
    ("NdisMInitializeScatterGatherDma", RecordKind.CALL): NdisMInitializeScatterGatherDma,
    ("NdisMAllocateMapRegisters", RecordKind.CALL): NdisMAllocateMapRegisters,
    ("NdisMFreeMapRegisters", RecordKind.CALL): NdisMFreeMapRegisters,
    ("NdisMAllocateSharedMemory", RecordKind.CALL): NdisMAllocateSharedMemory,
    ("NdisMAllocateSharedMemoryAsync", RecordKind.CALL): NdisMAllocateSharedMemoryAsync,
    ("NdisMFreeSharedMemory", RecordKind.CALL): NdisMFreeSharedMemory,
    ("NdisMUpdateSharedMemory", RecordKind.CALL): NdisMUpdateSharedMemory,
    ("NdisFlushBuffer", RecordKind.CALL): NdisFlushBuffer,
    ("NdisMGetDmaAlignment", RecordKind.CALL): NdisMGetDmaAlignment,
    ("NdisMStartBufferPhysicalMapping", RecordKind.CALL): NdisMStartBufferPhysicalMapping,
    ("NdisMCompleteBufferPhysicalMapping", RecordKind.CALL): NdisMCompleteBufferPhysicalMapping,
    ("NdisMRegisterDmaChannel", RecordKind.CALL): NdisMRegisterDmaChannel,
    ("NdisMDeregisterDmaChannel", RecordKind.CALL): NdisMDeregisterDmaChannel,
    ("NdisMSetupDmaTransfer", RecordKind.CALL): NdisMSetupDmaTransfer,
    ("NdisMCompleteDmaTransfer", RecordKind.CALL): NdisMCompleteDmaTransfer,
    ("NdisMReadDmaCounter", RecordKind.CALL): NdisMReadDmaCounter,
    ("NdisAllocatePacketPool", RecordKind.CALL): NdisAllocatePacketPool,
    ("NdisAllocatePacketPoolEx", RecordKind.CALL): NdisAllocatePacketPoolEx,
    ("NdisFreePacketPool", RecordKind.CALL): NdisFreePacketPool,
    ("NdisPacketPoolUsage", RecordKind.CALL): NdisPacketPoolUsage,
    ("NdisAllocatePacket", RecordKind.CALL): NdisAllocatePacket,
    ("NdisDprAllocatePacket", RecordKind.CALL): NdisDprAllocatePacket,
    ("NdisDprAllocatePacketNonInterlocked", RecordKind.CALL): NdisDprAllocatePacketNonInterlocked,
    ("NdisFreePacket", RecordKind.CALL): NdisFreePacket,
    ("NdisFreePacket", RecordKind.LEAVE): LeaveNdisFreePacket,
    ("NdisDprFreePacket", RecordKind.CALL): NdisDprFreePacket,
    ("NdisDprFreePacket", RecordKind.LEAVE): LeaveNdisDprFreePacket,
    ("NdisDprFreePacketNonInterlocked", RecordKind.CALL): NdisDprFreePacketNonInterlocked,
    ("NdisDprFreePacketNonInterlocked", RecordKind.LEAVE): LeaveNdisDprFreePacketNonInterlocked,
    ("NdisReinitializePacket", RecordKind.CALL): NdisReinitializePacket,
    ("NdisAllocateBufferPool", RecordKind.CALL): NdisAllocateBufferPool,
    ("NdisFreeBufferPool", RecordKind.CALL): NdisFreeBufferPool,
    ("NdisAllocateBuffer", RecordKind.CALL): NdisAllocateBuffer,
    ("NdisFreeBuffer", RecordKind.CALL): NdisFreeBuffer,
    ("NdisCopyBuffer", RecordKind.CALL): NdisCopyBuffer,
    ("NdisAdjustBufferLength", RecordKind.CALL): NdisAdjustBufferLength,
    ("NdisChainBufferAtFront", RecordKind.CALL): NdisChainBufferAtFront,
    ("NdisChainBufferAtBack", RecordKind.CALL): NdisChainBufferAtBack,
    ("NdisUnchainBufferAtFront", RecordKind.CALL): NdisUnchainBufferAtFront,
    ("NdisUnchainBufferAtBack", RecordKind.CALL): NdisUnchainBufferAtBack,
    ("NdisQueryBuffer", RecordKind.CALL): NdisQueryBuffer,
    ("NdisQueryBufferSafe", RecordKind.CALL): NdisQueryBufferSafe,
    ("NdisQueryPacket", RecordKind.CALL): NdisQueryPacket,
    ("NdisMRegisterIoPortRange", RecordKind.CALL): NdisMRegisterIoPortRange,
    ("NdisMDeregisterIoPortRange", RecordKind.CALL): NdisMDeregisterIoPortRange,
    ("NdisRawReadPort", RecordKind.CALL): NdisRawReadPort,
    ("NdisRawWritePort", RecordKind.CALL): NdisRawWritePort,
    ("NdisWriteRegister", RecordKind.CALL): NdisWriteRegister,
    ("NdisMMapIoSpace", RecordKind.CALL): NdisMMapIoSpace,
    ("NdisMUnmapIoSpace", RecordKind.CALL): NdisMUnmapIoSpace,
    ("NdisMRegisterInterrupt", RecordKind.CALL): NdisMRegisterInterrupt,
    ("NdisMDeregisterInterrupt", RecordKind.CALL): NdisMDeregisterInterrupt,
    ("NdisMIndicateReceivePacket", RecordKind.CALL): NdisMIndicateReceivePacket,
    ("NdisMIndicateReceivePacket", RecordKind.LEAVE): LeaveNdisMIndicateReceivePacket,
    ("NdisMSendComplete", RecordKind.CALL): NdisMSendComplete,
    ("NdisMSendComplete", RecordKind.LEAVE): LeaveNdisMSendComplete,
    ("NdisMIndicateStatus", RecordKind.CALL): NdisMIndicateStatus,
    ("NdisMIndicateStatusComplete", RecordKind.CALL): NdisMIndicateStatusComplete,
    ("ExAllocatePool", RecordKind.CALL): ExAllocatePool,
    ("ExAllocatePoolWithTag", RecordKind.CALL): ExAllocatePoolWithTag,
    ("ExFreePool", RecordKind.CALL): ExFreePool,
    ("ExFreePool", RecordKind.LEAVE): LeaveExFreePool,
    ("ExFreePoolWithTag", RecordKind.CALL): ExFreePoolWithTag,
    ("ExFreePoolWithTag", RecordKind.LEAVE): LeaveExFreePoolWithTag,
    ("NdisOpenConfiguration", RecordKind.CALL): NdisOpenConfiguration,
    ("NdisReadConfiguration", RecordKind.CALL): NdisReadConfiguration,
    ("NdisReadNetworkAddress", RecordKind.CALL): NdisReadNetworkAddress,
    ("NdisCloseConfiguration", RecordKind.CALL): NdisCloseConfiguration,
    ("NdisMQueryAdapterResources", RecordKind.CALL): NdisMQueryAdapterResources,
    ("NdisReadPciSlotInformation", RecordKind.CALL): NdisReadPciSlotInformation,
    ("NdisWriteErrorLogEntry", RecordKind.CALL): NdisWriteErrorLogEntry,
    ("NdisAllocateSpinLock", RecordKind.CALL): NdisAllocateSpinLock,
    ("NdisFreeSpinLock", RecordKind.CALL): NdisFreeSpinLock,
    ("NdisMInitializeTimer", RecordKind.CALL): NdisMInitializeTimer,
    ("NdisMSetTimer", RecordKind.CALL): NdisMSetTimer,
    ("NdisMSetPeriodicTimer", RecordKind.CALL): NdisMSetPeriodicTimer,
    ("NdisMCancelTimer", RecordKind.CALL): NdisMCancelTimer,
    ("NdisInitializeEvent", RecordKind.CALL): NdisInitializeEvent,
    ("NdisSetEvent", RecordKind.CALL): NdisSetEvent,
    ("NdisResetEvent", RecordKind.CALL): NdisResetEvent,
    ("NdisWaitEvent", RecordKind.CALL): NdisWaitEvent,
    ("NdisMSleep", RecordKind.CALL): NdisMSleep,
    ("NdisStallExecution", RecordKind.CALL): NdisStallExecution,
    ("card.reset", RecordKind.CALL): CardReset,
    ("card.register", RecordKind.CALL): CardRegister,
    ("card.enable", RecordKind.CALL): CardEnable,
    ("card.disable", RecordKind.CALL): CardDisable,
    ("card.doorbell", RecordKind.CALL): CardDoorbell,
    ("card.read", RecordKind.CALL): CardRead,
    ("card.write", RecordKind.CALL): CardWrite,
    ("card.interrupt", RecordKind.CALL): CardInterrupt,
    ("card.link", RecordKind.CALL): CardLink,
    ("card.refusal", RecordKind.CALL): CardRefusal,
    ("card.frame_in", RecordKind.CALL): CardFrameIn,
    ("card.frame_out", RecordKind.CALL): CardFrameOut,
    ("card.ledger", RecordKind.CALL): CardLedger,
    ("card.hand_over", RecordKind.CALL): CardHandOver,
    ("card.taken", RecordKind.CALL): CardTaken,
}
"""The class of each function and kind."""
