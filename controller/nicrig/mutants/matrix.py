# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix: every mutant that can be made, for each kind of card, and what must catch it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import get_args

from nicrig.card.process import CardKind

KINDS: tuple[CardKind, ...] = get_args(CardKind)

LOAD_FAILED = "load-failed"
"""The driver made no network interface: MiniportInitialize, or what the protocol asked it then, failed."""
GUEST_CRASHED = "guest-crashed"
GUEST_HUNG = "guest-hung"
"""The driver could not be unloaded."""


@dataclass(frozen=True)
class Mutant:
    """`name` is what mutate= of the guest's module takes; of the `expected` reports at least one must come.

    One that cannot be told from the driver as it is has a `reason` instead, and may be all of one function's, `:*`.
    """

    kind: CardKind
    name: str
    expected: tuple[str, ...] = ()
    reason: str = ""

    @property
    def live(self) -> bool:
        return not self.reason

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


# [kinds], then a line for each mutant: its name, and either the reports of which one must come (rules, verdicts of
# frames, the card's refusals), or = and why it changes nothing. A line that is indented goes on with the one above it.
_DECLARED = """
[bus-master subordinate non-dma]
NdisMQueryAdapterResources:repeat = the same list is filled in again
NdisReadPciSlotInformation:skip load-failed
NdisReadPciSlotInformation:repeat = the same is read again
NdisReadPciSlotInformation:raise R60
NdisReadPciSlotInformation:plus3 load-failed
NdisReadPciSlotInformation:minus3 = it is 0 already, so nothing is changed
NdisReadPciSlotInformation:long3 load-failed
NdisReadPciSlotInformation:short3 = it is 0 already, so nothing is changed
NdisReadPciSlotInformation:minus5 load-failed
NdisAllocateMemoryWithTag:plus2 = a byte more than is used
NdisAllocateMemoryWithTag:long2 = a line more than is used
NdisAllocateMemoryWithTag:minus2 R45 R70
NdisAllocateMemoryWithTag:not3 R47
NdisAllocateMemoryWithTag:repeat R27
NdisFreeMemory:skip R27
NdisFreeMemory:repeat R41
NdisFreeMemory:delay R27
NdisFreeMemory:swap = blocks may be freed in any order
NdisFreeMemory:shift1 R41
NdisFreeMemory:stale1 R41
NdisFreeMemory:not3 R40
NdisMSetAttributesEx:skip R01
NdisMSetAttributesEx:delay R01
NdisMSetAttributesEx:swap = resources may be asked for before the attributes are set: they claim nothing
NdisMSetAttributesEx:repeat = the same attributes are set again
NdisMSetAttributesEx:raise R60
NdisMSetAttributesEx:plus3 = NDIS rounds 3 seconds down to 2
NdisMSetAttributesEx:minus3 = NDIS takes 2 seconds for less
NdisMSetAttributesEx:long3 = a hang would be noticed later, and nothing hangs
NdisMSetAttributesEx:short3 = two seconds are less than a line's bytes, so nothing is changed
NdisAllocatePacketPoolEx:repeat R27
NdisAllocatePacketPoolEx:plus3 = more packets than are used
NdisAllocatePacketPoolEx:long3 = more packets than are used
NdisAllocatePacketPoolEx:minus3 load-failed
NdisAllocatePacketPoolEx:short3 = no pool of this driver is larger than a line's bytes, so nothing is changed
NdisAllocatePacketPoolEx:plus4 = overflow that is not used
NdisAllocatePacketPoolEx:long4 = overflow that is not used
NdisAllocatePacketPoolEx:minus4 = it is 0 already, so nothing is changed
NdisAllocatePacketPoolEx:short4 = it is 0 already, so nothing is changed
NdisAllocatePacketPoolEx:plus5 = more room for the protocol than it needs
NdisAllocatePacketPoolEx:long5 = more room for the protocol than it needs
NdisAllocatePacketPoolEx:minus5 R79
NdisAllocatePacketPoolEx:short5 = it is less than a line's bytes, so nothing is changed
NdisFreePacketPool:skip R27
NdisFreePacketPool:repeat R41
NdisFreePacketPool:delay R27
NdisFreePacketPool:swap = an empty pool may be freed one call later
NdisFreePacketPool:raise = pools may be freed at DISPATCH_LEVEL
NdisAllocatePacket:repeat R22
NdisFreePacket:skip R27
NdisFreePacket:repeat R41
NdisFreePacket:delay R27
NdisFreePacket:swap = a packet may be freed one call later
NdisFreePacket:raise = packets may be freed at DISPATCH_LEVEL
NdisFreePacket:stale1 R41
NdisAllocateBufferPool:repeat R27
NdisAllocateBufferPool:plus3 = more buffers than are used
NdisAllocateBufferPool:long3 = more buffers than are used
NdisAllocateBufferPool:minus3 load-failed
NdisAllocateBufferPool:short3 = no pool of this driver is larger than a line's bytes, so nothing is changed
NdisFreeBufferPool:skip R27
NdisFreeBufferPool:repeat R41
NdisFreeBufferPool:delay R27
NdisFreeBufferPool:swap = an empty pool may be freed one call later
NdisFreeBufferPool:raise = pools may be freed at DISPATCH_LEVEL
NdisAllocateBuffer:repeat R22
NdisAllocateBuffer:shift4 R70
NdisAllocateBuffer:plus5 R70
NdisAllocateBuffer:long5 R70
NdisFreeBuffer:skip R27
NdisFreeBuffer:repeat R41
NdisFreeBuffer:delay R27
NdisFreeBuffer:swap = a buffer may be freed one call later
NdisFreeBuffer:raise = buffers may be freed at DISPATCH_LEVEL
NdisFreeBuffer:stale1 R41
NdisAdjustBufferLength:repeat = the same length is set again
NdisAdjustBufferLength:swap = the totals are counted when they are asked for, which is later still
NdisAdjustBufferLength:skip overrun
NdisAdjustBufferLength:raise R65
NdisAdjustBufferLength:plus2 overrun R76
NdisAdjustBufferLength:long2 overrun R76
NdisAdjustBufferLength:minus2 truncated R76
NdisAdjustBufferLength:short2 truncated R76
NdisChainBufferAtFront:skip R79
NdisChainBufferAtFront:repeat R78
NdisChainBufferAtFront:stale2 R78
NdisUnchainBufferAtFront:repeat R41
NdisUnchainBufferAtFront:stale1 R44
NdisRecalculatePacketCounts:repeat = totals are counted again when they are asked for, however often it is said
NdisRecalculatePacketCounts:skip R77
NdisQueryPacket:repeat = the same is told again
NdisQueryPacket:raise R65
NdisMMapIoSpace:repeat R27
NdisMMapIoSpace:raise R60
NdisMMapIoSpace:shift3 load-failed
NdisMMapIoSpace:minus4 R110
NdisMMapIoSpace:plus4 load-failed
NdisMMapIoSpace:long4 load-failed
NdisMUnmapIoSpace:skip R27
NdisMUnmapIoSpace:repeat R38
NdisMUnmapIoSpace:delay R27
NdisMUnmapIoSpace:raise R60
NdisMUnmapIoSpace:shift2 R38
NdisMUnmapIoSpace:plus3 R110
NdisMUnmapIoSpace:minus3 R110
NdisMUnmapIoSpace:long3 R110
NdisMUnmapIoSpace:short3 R110
NdisWriteRegisterUlong:repeat = every register of the card takes the same value twice
NdisWriteRegisterUlong:raise = registers may be written at any level
NdisMRegisterInterrupt:skip R41 lost
NdisMRegisterInterrupt:repeat R22
NdisMRegisterInterrupt:raise R60
NdisMRegisterInterrupt:plus3 load-failed
NdisMRegisterInterrupt:minus3 load-failed
NdisMRegisterInterrupt:long3 load-failed
NdisMRegisterInterrupt:short3 = the vector's number is less than a line's bytes, so nothing is changed
NdisMRegisterInterrupt:plus4 load-failed
NdisMRegisterInterrupt:minus4 load-failed
NdisMRegisterInterrupt:long4 load-failed
NdisMRegisterInterrupt:short4 = the level is less than a line's bytes, so nothing is changed
NdisMRegisterInterrupt:not5 = without RequestIsr NDIS always defers, as this service routine asks it to
NdisMRegisterInterrupt:not6 = a message that nobody shares may be registered as shared
NdisMDeregisterInterrupt:skip R27
NdisMDeregisterInterrupt:repeat R41
NdisMDeregisterInterrupt:delay R27
NdisMDeregisterInterrupt:swap = what comes next in MiniportHalt frees nothing yet
NdisMDeregisterInterrupt:raise R60
NdisAllocateSpinLock:skip R41
NdisAllocateSpinLock:repeat = a lock that nobody uses yet is made again
NdisFreeSpinLock:skip R27
NdisFreeSpinLock:repeat R41
NdisMIndicateReceivePacket:skip lost
NdisMIndicateReceivePacket:minus3 lost
NdisMIndicateReceivePacket:raise R65
NdisMSendComplete:skip R29
NdisMSendComplete:repeat R84
NdisMSendComplete:swap = a send may be completed one call later
NdisMSendComplete:raise R65
NdisMSendComplete:stale2 R84
MiniportInitialize:early load-failed
MiniportInitialize:repeat R22
MiniportHalt:early R27
MiniportReset:early = it is called when the device goes down, idle, and MiniportHalt resets the card too
MiniportReset:repeat = a card that was reset is reset again
MiniportCheckForHang:* = it is called every other second, and nothing hangs
MiniportQueryInformation:early load-failed
MiniportQueryInformation:minus4 load-failed
MiniportQueryInformation:repeat = the same is answered again
MiniportSetInformation:early lost
MiniportSetInformation:minus4 lost
MiniportSetInformation:repeat = the same is set again
MiniportISR:early = it only says what NDIS takes for granted: its interrupt, to be deferred
MiniportISR:repeat = it only says the same again
MiniportHandleInterrupt:early lost
MiniportHandleInterrupt:repeat = it may find nothing to do
MiniportEnableInterrupt:early lost
MiniportEnableInterrupt:repeat = the same words are armed again
MiniportSendPackets:early R29 lost
MiniportSendPackets:minus3 R29 lost
MiniportSendPackets:repeat R84

[bus-master]
NdisOpenConfiguration:repeat R27
NdisOpenConfiguration:raise R60
NdisReadConfiguration:repeat = the same value is read again
NdisCloseConfiguration:skip R27
NdisCloseConfiguration:repeat R41
NdisCloseConfiguration:delay = a configuration may be closed later
NdisCloseConfiguration:swap = a configuration may be closed later
NdisCloseConfiguration:raise R60
NdisFreeMemory:raise = plain memory may be freed at DISPATCH_LEVEL
NdisMSetAttributesEx:not4 R02
NdisMInitializeScatterGatherDma:skip R03
NdisMInitializeScatterGatherDma:repeat load-failed
NdisMInitializeScatterGatherDma:raise R60
NdisMInitializeScatterGatherDma:not2 = all memory of this machine has addresses of 32 bits
NdisMInitializeScatterGatherDma:plus3 = more than any frame needs
NdisMInitializeScatterGatherDma:minus3 = still more than any frame that the protocol sends
NdisMInitializeScatterGatherDma:long3 = more than any frame needs
NdisMInitializeScatterGatherDma:short3 lost
NdisMAllocateSharedMemory:repeat R27
NdisMAllocateSharedMemory:raise R60
NdisMAllocateSharedMemory:plus2 R43
NdisMAllocateSharedMemory:long2 R43
NdisMAllocateSharedMemory:minus2 R70
NdisMAllocateSharedMemory:not3 R43
NdisMFreeSharedMemory:skip R27
NdisMFreeSharedMemory:repeat R41
NdisMFreeSharedMemory:delay R27
NdisMFreeSharedMemory:swap = what comes next in MiniportHalt is of another block
NdisMFreeSharedMemory:raise = shared memory may be freed at DISPATCH_LEVEL
NdisMFreeSharedMemory:plus2 R43
NdisMFreeSharedMemory:minus2 R43
NdisMFreeSharedMemory:long2 R43
NdisMFreeSharedMemory:short2 R43
NdisMFreeSharedMemory:not3 R43
NdisMFreeSharedMemory:shift4 R43
NdisMFreeSharedMemory:stale4 R43
NdisMFreeSharedMemory:shift5 R43
NdisMUpdateSharedMemory:skip R98
NdisMUpdateSharedMemory:repeat = the same bytes are updated again
NdisMUpdateSharedMemory:delay R98
NdisMUpdateSharedMemory:swap = the buffer's length may be set before its bytes are updated
NdisMUpdateSharedMemory:raise R65
NdisMUpdateSharedMemory:plus2 = a byte more is updated, in the block
NdisMUpdateSharedMemory:long2 = a line more is updated, in the block
NdisMUpdateSharedMemory:minus2 R98
NdisMUpdateSharedMemory:short2 R98
NdisMUpdateSharedMemory:shift3 R102
NdisMUpdateSharedMemory:shift4 R102
NdisFlushBuffer:skip R96 R98 stale
NdisFlushBuffer:repeat = the same lines are flushed again
NdisFlushBuffer:delay R96 R98 read-before-flush
NdisFlushBuffer:swap R96
NdisFlushBuffer:raise R65
NdisFlushBuffer:not2 R96 R98 stale
NdisFlushBuffer:stale1 R96 stale
NdisMGetDmaAlignment:skip = the driver takes 1, and its buffers are multiples of a line anyway
NdisMGetDmaAlignment:repeat = the same is told again
NdisMGetDmaAlignment:raise R60
NdisAllocateBuffer:minus5 R76
NdisAllocateBuffer:short5 R76
NdisAdjustBufferLength:delay overrun R82
NdisRecalculatePacketCounts:delay = the totals are not counted between the length of the frame and that of the buffer
NdisRecalculatePacketCounts:swap = the totals are counted when they are asked for, which is later still
NdisMUnmapIoSpace:swap = the other range may be unmapped first
NdisMUnmapIoSpace:stale2 R38
NdisWriteRegisterUlong:skip load-failed
NdisWriteRegisterUlong:plus2 load-failed
NdisWriteRegisterUlong:minus2 load-failed
NdisWriteRegisterUlong:long2 load-failed
NdisWriteRegisterUlong:short2 R90
NdisMIndicateReceivePacket:repeat R81
NdisMSendComplete:delay = a send may be completed later
MiniportReturnPacket:early guest-hung
MiniportReturnPacket:repeat R82
MiniportReturnPacket:stale2 R82
NdisAllocateMemory:* = a bus master needs no contiguous or noncached memory of this sort
NdisFreeMemory:plus2 = the length of plain memory is ignored
NdisFreeMemory:minus2 = the length of plain memory is ignored
NdisFreeMemory:long2 = the length of plain memory is ignored
NdisFreeMemory:short2 = the length of plain memory is ignored
NdisMRegisterDmaChannel:* = a bus master has no channel
NdisMDeregisterDmaChannel:* = a bus master has no channel
NdisMSetupDmaTransfer:* = a bus master has no channel
NdisMCompleteDmaTransfer:* = a bus master has no channel
NdisQueryBufferSafe:* = a bus master does not look into what it sends

[subordinate]
NdisOpenConfiguration:* = the kind has no settings
NdisReadConfiguration:* = the kind has no settings
NdisCloseConfiguration:* = the kind has no settings
NdisAllocateMemory:repeat R27
NdisAllocateMemory:raise R61
NdisAllocateMemory:plus2 R40
NdisAllocateMemory:minus2 R70
NdisAllocateMemory:long2 R40
NdisAllocateMemory:short2 R70
NdisAllocateMemory:not3 R40
NdisFreeMemory:raise R62
NdisFreeMemory:plus2 R40
NdisFreeMemory:minus2 R40
NdisFreeMemory:long2 R40
NdisFreeMemory:short2 R40
NdisMSetAttributesEx:not4 load-failed
NdisMInitializeScatterGatherDma:* = a subordinate card is no bus master
NdisMAllocateSharedMemory:* = its buffers are memory of its own
NdisMFreeSharedMemory:* = its buffers are memory of its own
NdisMUpdateSharedMemory:* = its buffers are memory of its own
NdisFlushBuffer:* = NDIS flushes when a transfer is set up and completed
NdisMGetDmaAlignment:* = its buffers are whole pages
NdisMRegisterDmaChannel:repeat R22
NdisMRegisterDmaChannel:raise R60
NdisMRegisterDmaChannel:plus3 = NDIS ignores this argument
NdisMRegisterDmaChannel:minus3 = it is 0 already, so nothing is changed
NdisMRegisterDmaChannel:long3 = NDIS ignores this argument
NdisMRegisterDmaChannel:short3 = it is 0 already, so nothing is changed
NdisMRegisterDmaChannel:not4 lost
NdisMRegisterDmaChannel:plus6 = more than any transfer needs
NdisMRegisterDmaChannel:minus6 R104
NdisMRegisterDmaChannel:long6 = more than any transfer needs
NdisMRegisterDmaChannel:short6 R104
NdisMDeregisterDmaChannel:skip R27
NdisMDeregisterDmaChannel:repeat R38
NdisMDeregisterDmaChannel:delay R27
NdisMDeregisterDmaChannel:swap = an idle channel may go one call later
NdisMDeregisterDmaChannel:raise R60
NdisMSetupDmaTransfer:repeat R106
NdisMSetupDmaTransfer:raise R65
NdisMSetupDmaTransfer:stale3 R107
NdisMSetupDmaTransfer:plus4 R106
NdisMSetupDmaTransfer:minus4 = it is 0 already, so nothing is changed
NdisMSetupDmaTransfer:long4 R106
NdisMSetupDmaTransfer:short4 = it is 0 already, so nothing is changed
NdisMSetupDmaTransfer:plus5 R104 R106
NdisMSetupDmaTransfer:minus5 R107
NdisMSetupDmaTransfer:long5 R104 R106
NdisMSetupDmaTransfer:short5 R107
NdisMSetupDmaTransfer:not6 R107
NdisMCompleteDmaTransfer:repeat R107
NdisMCompleteDmaTransfer:raise R65
NdisMCompleteDmaTransfer:stale3 R107
NdisMCompleteDmaTransfer:plus4 R107
NdisMCompleteDmaTransfer:minus4 = it is 0 already, so nothing is changed
NdisMCompleteDmaTransfer:long4 R107
NdisMCompleteDmaTransfer:short4 = it is 0 already, so nothing is changed
NdisMCompleteDmaTransfer:plus5 R107
NdisMCompleteDmaTransfer:minus5 R107
NdisMCompleteDmaTransfer:long5 R107
NdisMCompleteDmaTransfer:short5 R107
NdisMCompleteDmaTransfer:not6 R107
NdisAllocateBuffer:minus5 R106
NdisAdjustBufferLength:delay overrun truncated R76
NdisAllocateBuffer:short5 R106
NdisRecalculatePacketCounts:delay = the doorbell that it waits for comes before the next frame of this packet
NdisRecalculatePacketCounts:swap R77
NdisQueryBufferSafe:repeat = the same is told again
NdisQueryBufferSafe:raise R65
NdisMUnmapIoSpace:swap = the other range may be unmapped first
NdisMUnmapIoSpace:stale2 R38
NdisWriteRegisterUlong:skip lost
NdisWriteRegisterUlong:plus2 R13 lost
NdisWriteRegisterUlong:minus2 lost
NdisWriteRegisterUlong:long2 lost
NdisWriteRegisterUlong:short2 lost
NdisMIndicateReceivePacket:repeat duplicated
NdisMSendComplete:delay R67
MiniportReturnPacket:* = it lends no packet: each is the driver's again when the indication returns

[subordinate bus-master]
NdisMRegisterIoPortRange:* = the kind has no ports
NdisMDeregisterIoPortRange:* = the kind has no ports
NdisRawReadPortUlong:* = the kind has no ports
NdisRawWritePortUlong:* = the kind has no ports
NdisMoveToMappedMemory:* = frames are in memory of the guest's
NdisMoveFromMappedMemory:* = frames are in memory of the guest's

[non-dma]
NdisOpenConfiguration:* = the kind has no settings
NdisReadConfiguration:* = the kind has no settings
NdisCloseConfiguration:* = the kind has no settings
NdisAllocateMemory:* = the kind needs no memory that a card reaches
NdisMInitializeScatterGatherDma:* = the kind has no DMA
NdisMAllocateSharedMemory:* = the kind has no DMA
NdisMFreeSharedMemory:* = the kind has no DMA
NdisMUpdateSharedMemory:* = the kind has no DMA
NdisFlushBuffer:* = the kind has no DMA
NdisMGetDmaAlignment:* = the kind has no DMA
NdisMRegisterDmaChannel:* = the kind has no DMA
NdisMDeregisterDmaChannel:* = the kind has no DMA
NdisMSetupDmaTransfer:* = the kind has no DMA
NdisMCompleteDmaTransfer:* = the kind has no DMA
MiniportReturnPacket:* = it lends no packet: each is the driver's again when the indication returns
NdisFreeMemory:raise = plain memory may be freed at DISPATCH_LEVEL
NdisFreeMemory:plus2 = the length of plain memory is ignored
NdisFreeMemory:minus2 = the length of plain memory is ignored
NdisFreeMemory:long2 = the length of plain memory is ignored
NdisFreeMemory:short2 = the length of plain memory is ignored
NdisMSetAttributesEx:not4 load-failed
NdisAllocateBuffer:minus5 R76
NdisAllocateBuffer:short5 R76
NdisAdjustBufferLength:delay = the slots are given back, by a doorbell, before the packets are indicated
NdisRecalculatePacketCounts:delay = the slots are given back, by a doorbell, before the packets are indicated
NdisRecalculatePacketCounts:swap = the slots are given back before the packets are indicated
NdisQueryBufferSafe:repeat = the same is told again
NdisQueryBufferSafe:raise R65
NdisMRegisterIoPortRange:repeat load-failed
NdisMRegisterIoPortRange:raise R60
NdisMRegisterIoPortRange:plus3 load-failed
NdisMRegisterIoPortRange:minus3 load-failed
NdisMRegisterIoPortRange:long3 load-failed
NdisMRegisterIoPortRange:short3 load-failed
NdisMRegisterIoPortRange:plus4 load-failed
NdisMRegisterIoPortRange:minus4 R38
NdisMRegisterIoPortRange:long4 load-failed
NdisMRegisterIoPortRange:short4 = there are fewer ports than a line has bytes, so nothing is changed
NdisMDeregisterIoPortRange:skip R27
NdisMDeregisterIoPortRange:repeat R38
NdisMDeregisterIoPortRange:delay R27
NdisMDeregisterIoPortRange:swap = the ports are not used any more
NdisMDeregisterIoPortRange:raise R60
NdisMDeregisterIoPortRange:plus2 R38
NdisMDeregisterIoPortRange:minus2 R38
NdisMDeregisterIoPortRange:long2 R38
NdisMDeregisterIoPortRange:short2 R38
NdisMDeregisterIoPortRange:plus3 R38
NdisMDeregisterIoPortRange:minus3 R38
NdisMDeregisterIoPortRange:long3 R38
NdisMDeregisterIoPortRange:short3 = there are fewer ports than a line has bytes, so nothing is changed
NdisMDeregisterIoPortRange:shift4 R38
NdisRawReadPortUlong:repeat = every register of the card reads the same twice
NdisRawReadPortUlong:raise = ports may be read at any level
NdisRawReadPortUlong:shift1 R109
NdisRawWritePortUlong:skip load-failed
NdisRawWritePortUlong:repeat access
NdisRawWritePortUlong:delay load-failed
NdisRawWritePortUlong:swap load-failed
NdisRawWritePortUlong:raise = ports may be written at any level
NdisRawWritePortUlong:shift1 R109
NdisRawWritePortUlong:plus2 access
NdisRawWritePortUlong:minus2 access
NdisRawWritePortUlong:long2 access load-failed
NdisRawWritePortUlong:short2 = all that is written is less than a line's bytes, so nothing is changed
NdisMUnmapIoSpace:swap = the memory is not used any more
NdisMUnmapIoSpace:stale2 = the kind maps one range, so nothing is changed
NdisWriteRegisterUlong:skip lost
NdisWriteRegisterUlong:plus2 lost
NdisWriteRegisterUlong:minus2 lost
NdisWriteRegisterUlong:long2 lost
NdisWriteRegisterUlong:short2 lost stale
NdisMoveToMappedMemory:skip stale
NdisMoveToMappedMemory:repeat = the same bytes are copied again
NdisMoveToMappedMemory:raise = mapped memory may be written at any level
NdisMoveToMappedMemory:minus3 torn stale
NdisMoveFromMappedMemory:skip changed-under-device stale
NdisMoveFromMappedMemory:repeat = the same bytes are copied again
NdisMoveFromMappedMemory:raise = mapped memory may be read at any level
NdisMoveFromMappedMemory:minus3 changed-under-device torn
NdisMIndicateReceivePacket:repeat duplicated
NdisMSendComplete:delay = a send may be completed later
"""


def _mutants() -> Iterator[Mutant]:
    kinds: list[CardKind] = []
    for line in _DECLARED.replace("\n    ", " ").splitlines():
        if line.startswith("["):
            kinds = [kind for kind in KINDS if kind in line[1:-1].split()]
        elif line:
            name, _, rest = line.partition(" ")
            expected, _, reason = rest.partition("=")
            for kind in kinds:
                yield Mutant(kind, name, tuple(expected.split()), reason.strip())


MATRIX = tuple(_mutants())


def chosen(kind: CardKind | None, only: str) -> list[Mutant]:
    """The mutants of this kind, or of all, whose names are like `only`."""
    return [mutant for mutant in MATRIX if kind in (None, mutant.kind) and fnmatchcase(mutant.name, only)]
