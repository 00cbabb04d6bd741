# SPDX-License-Identifier: GPL-2.0-or-later
"""Records that several rules handle together. A field of a group is one that all of its functions declare."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, get_args

from nicrig.verifier.events import Event
from nicrig.verifier.records import (
    RECORDS,
    ExAllocatePool,
    ExAllocatePoolWithTag,
    ExFreePool,
    ExFreePoolWithTag,
    NdisAllocateBuffer,
    NdisAllocateBufferPool,
    NdisAllocateMemory,
    NdisAllocateMemoryWithTag,
    NdisAllocatePacket,
    NdisAllocatePacketPool,
    NdisAllocatePacketPoolEx,
    NdisAllocateSpinLock,
    NdisChainBufferAtBack,
    NdisChainBufferAtFront,
    NdisCloseConfiguration,
    NdisCopyBuffer,
    NdisDprAllocatePacket,
    NdisDprAllocatePacketNonInterlocked,
    NdisDprFreePacket,
    NdisDprFreePacketNonInterlocked,
    NdisFreeBuffer,
    NdisFreeBufferPool,
    NdisFreeMemory,
    NdisFreePacket,
    NdisFreePacketPool,
    NdisFreeSpinLock,
    NdisInitializeEvent,
    NdisMAllocateMapRegisters,
    NdisMAllocateSharedMemory,
    NdisMCancelTimer,
    NdisMDeregisterDmaChannel,
    NdisMDeregisterInterrupt,
    NdisMDeregisterIoPortRange,
    NdisMFreeMapRegisters,
    NdisMFreeSharedMemory,
    NdisMInitializeTimer,
    NdisMSetPeriodicTimer,
    NdisMSetTimer,
    NdisMUnmapIoSpace,
    NdisResetEvent,
    NdisSetEvent,
    NdisUnchainBufferAtBack,
    NdisUnchainBufferAtFront,
    NdisWaitEvent,
)

AllocateMemory = NdisAllocateMemory | NdisAllocateMemoryWithTag
ExAllocate = ExAllocatePool | ExAllocatePoolWithTag
ExFree = ExFreePool | ExFreePoolWithTag
FreeMemory = NdisFreeMemory | ExFree

AllocatePacketPool = NdisAllocatePacketPool | NdisAllocatePacketPoolEx
AllocatePacket = NdisAllocatePacket | NdisDprAllocatePacket | NdisDprAllocatePacketNonInterlocked
FreePacket = NdisFreePacket | NdisDprFreePacket | NdisDprFreePacketNonInterlocked
MakeBuffer = NdisAllocateBuffer | NdisCopyBuffer
Chain = NdisChainBufferAtFront | NdisChainBufferAtBack
Unchain = NdisUnchainBufferAtFront | NdisUnchainBufferAtBack

Allocations = (
    AllocateMemory
    | ExAllocate
    | NdisMAllocateSharedMemory
    | AllocatePacketPool
    | NdisAllocateBufferPool
    | AllocatePacket
    | MakeBuffer
)
Retried = (
    NdisAllocateMemory
    | NdisMAllocateSharedMemory
    | AllocatePacketPool
    | NdisAllocateBufferPool
    | NdisMAllocateMapRegisters
)
"""Allocations that a miniport may repeat for less."""
MemoryAndPools = FreeMemory | NdisMFreeSharedMemory | NdisFreePacketPool | NdisFreeBufferPool
Releases = MemoryAndPools | NdisFreePacket | NdisFreeBuffer
Unclaims = NdisMDeregisterIoPortRange | NdisMUnmapIoSpace | NdisMDeregisterDmaChannel | NdisMFreeMapRegisters
"""Releases of what MiniportInitialize claims, without the interrupt."""

TimerCall = NdisMInitializeTimer | NdisMSetTimer | NdisMSetPeriodicTimer | NdisMCancelTimer
EventCall = NdisInitializeEvent | NdisSetEvent | NdisResetEvent | NdisWaitEvent
LockCall = NdisAllocateSpinLock | NdisFreeSpinLock
Handle = NdisMDeregisterDmaChannel | NdisCloseConfiguration
Subject = (
    FreeMemory
    | NdisMUnmapIoSpace
    | FreePacket
    | Chain
    | NdisFreeBuffer
    | NdisFreePacketPool
    | NdisFreeBufferPool
    | Handle
    | NdisMDeregisterInterrupt
    | NdisMDeregisterIoPortRange
    | TimerCall
    | EventCall
    | LockCall
)
"""Calls about one object."""


def records_of(annotation: Any) -> set[type[Event]]:
    """The declared classes that a class, a base or a union means. Raises TypeError if there are none."""
    found: set[type[Event]] = set()
    for wanted in get_args(annotation) or (annotation,):
        records = {record for record in RECORDS.values() if issubclass(record, wanted)}
        if not records:
            raise TypeError(f"{wanted} is not a class of nicrig.verifier.records, nor a base or union of some")
        found |= records
    return found


def field_of(record: type[Event], name: str) -> Callable[[Event], int]:
    """Reads the field of this name. Raises AttributeError if the record does not declare it."""
    getattr(record, name)
    return attrgetter(name)


_SUBJECTS: tuple[tuple[Any, str], ...] = (
    (FreeMemory | NdisMUnmapIoSpace, "address"),
    (FreePacket | Chain, "packet"),
    (NdisFreeBuffer, "buffer"),
    (NdisFreePacketPool | NdisFreeBufferPool, "pool"),
    (Handle, "handle"),
    (NdisMDeregisterInterrupt, "interrupt"),
    (NdisMDeregisterIoPortRange, "first"),
    (TimerCall, "timer"),
    (EventCall, "event"),
    (LockCall, "lock"),
)
_SUBJECT = {record: field_of(record, field) for records, field in _SUBJECTS for record in records_of(records)}


def subject(event: Subject) -> int:
    """The address, handle or first port of the object that a call is about."""
    return _SUBJECT[type(event)](event)
