# SPDX-License-Identifier: GPL-2.0-or-later
"""The two seed documents, sentence by sentence: what each allows or forbids, as calls, and the verdict it must get.

SEED1 and SEED2 are keys of docs/ndis51.md section 0. The sentences are numbered and told in words of ours. Each one is
played as a stream of records (tests/controller/verifier/test_seeds.py) and as calls on a live device
(tests/system/test_seeds.py): by a life of guest_driver/selftest/seeds.c, or by the miniport with these parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nicrig.verifier.constants import (
    CONTIGUOUS,
    DESERIALIZE,
    DEVICE_NON_DMA,
    DEVICE_SUBORDINATE,
    FAILURE,
    NONCACHED,
    PAGE,
    SAFE_BUFFER_APIS,
)
from nicrig.verifier.functions import Phase
from nicrig_interface.vocabulary import CardKind
from tests.controller.verifier.script import DISPATCH, Script

SLAVE = DESERIALIZE | SAFE_BUFFER_APIS
NONPAGED, PAGED = 0, 1
Verdict = frozenset[str]
"""Rules with their severities, like `R47 I`; empty when the calls are clean."""
CLEAN: Verdict = frozenset()
NO_TAG: Verdict = frozenset({"R47 I"})
UNUSED: Verdict = frozenset({"R51 W"})


class Life(NamedTuple):
    """A life of the self-test's adapter."""

    name: str


class Driver(NamedTuple):
    """The miniport, with frames both ways."""

    parameters: tuple[str, ...] = ()
    kind: CardKind = "bus-master"


class Sentence(NamedTuple):
    """One sentence. `live` is None for what no driver of ours does, and a driver with a bug is not written for."""

    document: str
    number: int
    text: str
    stream: Callable[[Script], object]
    verdict: Verdict
    live: Life | Driver | None
    live_verdict: Verdict | None = None
    """The verdict on the live calls, where they are more than the stream's."""


# -- pieces of streams ---------------------------------------------------------------------------------------
def plain(script: Script, length: int = 3000) -> None:
    script.free(script.flagged(length, 0), length)


def flagged(script: Script, flags: int = CONTIGUOUS | NONCACHED, length: int = 3000) -> None:
    script.free(script.flagged(length, flags), length, flags)


def pool(script: Script, length: int, kind: int = NONPAGED) -> None:
    address = script.next_memory(length)
    script.call("ExAllocatePool", address, type=kind, length=length).call("ExFreePool", address=address)


def each_flag(script: Script) -> None:
    begin(script)
    for flags in (CONTIGUOUS, NONCACHED, CONTIGUOUS | NONCACHED):
        flagged(script, flags)


def shared(script: Script) -> None:
    for cached in (False, True):
        script.free_shared(script.shared(3000, cached=cached))


def begin(script: Script) -> Script:
    return script.begin().attributes()


def any_driver(script: Script) -> None:
    begin(script)
    plain(script)
    script.scatter_gather().succeed()
    plain(script)
    with script.at(0, phase=Phase.HALT):
        plain(script)


def descriptors(script: Script) -> None:
    script.ready().receive_buffer()


def send_and_receive(script: Script) -> None:
    script.ready()
    item = script.receive_buffer()
    script.succeed().received(item)
    packet = script.sending()
    script.card("card.doorbell", transmit=1, tail=1, size=8)
    script.read(packet).complete(packet)


def received_unflushed(script: Script) -> None:
    script.ready()
    item = script.receive_buffer()
    script.succeed().write(item).adjust(item.buffer, 60).indicate(item)


def sent_unflushed(script: Script) -> None:
    packet = script.running().outgoing()
    script.send(packet).call("NdisQueryPacket", packet.length, packet=packet.packet)
    script.card("card.doorbell", transmit=1, tail=1, size=8).read(packet)


def channel_transfers(script: Script, flags: int) -> None:
    """One transfer each way over such memory, with no flush by the driver."""
    script.begin(DEVICE_SUBORDINATE)
    memory = script.flagged(PAGE, flags)
    script.attributes(SLAVE)
    buffer = script.buffer(script.buffer_pool(), memory, PAGE)
    script.call("NdisMRegisterDmaChannel", handle=0x7000, maximum=PAGE).succeed()
    for write in (0, 1):
        transfer = {"handle": 0x7000, "buffer": buffer, "range": 60, "write": write}
        script.call("NdisMSetupDmaTransfer", **transfer).call("NdisMCompleteDmaTransfer", **transfer)


def without_dma(script: Script) -> Script:
    return script.begin(DEVICE_NON_DMA).attributes(SLAVE)


def cached_without_dma(script: Script) -> None:
    without_dma(script).no_shared()


def ports_only(script: Script) -> None:
    without_dma(script).call("NdisMRegisterIoPortRange", first=0xC000, count=8, offset=0xC000)
    script.succeed().call("NdisRawReadPort", port=0xC000, bytes=4)


def unshared_to_the_card(script: Script) -> None:
    script.ready().memory(PAGE)
    script.succeed().card("card.write", address=0x7000000, length=60, status=1)


def too_much(script: Script) -> None:
    script.ready().flagged(16 * PAGE, CONTIGUOUS)
    script.succeed().halting()
    script.free(script.next_memory(0) - 16 * PAGE, 16 * PAGE, CONTIGUOUS).halted()


def smaller_blocks(script: Script) -> None:
    begin(script).call("NdisAllocateMemory", FAILURE, length=0x40000, flags=CONTIGUOUS, highest=(1 << 64) - 1)
    for _ in range(2):
        flagged(script, CONTIGUOUS, 0x20000)


def context(script: Script) -> None:
    address = script.begin().flagged(0x400, 0)
    script.call("NdisMSetAttributesEx", context=address, hang=2, flags=0x2A8, bus=5)


def by_the_protocol(script: Script, flags: int) -> None:
    script.running()
    with script.at(DISPATCH, phase=Phase.PROTOCOL):
        flagged(script, flags)


def at_dispatch(script: Script, piece: Callable[[Script], object]) -> None:
    begin(script)
    with script.at(DISPATCH, locks=1):
        piece(script)


def later(script: Script) -> None:
    script.running()
    with script.at(0):
        flagged(script)


def delayed(script: Script) -> None:
    script.ready().call("NdisMInitializeTimer", timer=0x9000).succeed().enter("MiniportReset")
    script.call("ExAllocatePool", 0, length=3000).call("NdisMSetTimer", timer=0x9000, milliseconds=10)
    script.leave("MiniportReset").enter("MiniportTimer", timer=0x9000)
    pool(script, 3000)


def reported(script: Script, status: int) -> None:
    script.running().enter("MiniportReset").call("ExAllocatePool", 0, length=3000).leave("MiniportReset", status)


def behind(script: Script, length: int) -> None:
    begin(script)
    address = script.next_memory(length)
    script.call("ExAllocatePool", address, length=length).call("ExFreePool", address=address, beyond=1)


def placed(script: Script, address: int, length: int) -> None:
    begin(script).call("ExAllocatePool", address, length=length)


def in_pieces(script: Script) -> None:
    """A block of two pages that are not neighbours: two elements of the list of a packet over it."""
    script.running()
    packet = script.outgoing(PAGE)
    handed = {"packet": packet.packet, "buffer": packet.buffer, "length": 1500, "elements": 2}
    script.enter("MiniportSendPackets", **handed)
    for physical, length in ((packet.physical, 1000), (packet.physical - 0x10000, 500)):
        script.call("ScatterGatherElement", packet=packet.packet, physical=physical, length=length)
    script.place(packet).leave("MiniportSendPackets").card("card.doorbell", transmit=1, tail=2, size=8)
    script.card("card.read", address=packet.physical, length=1000, status=1)
    script.card("card.read", address=packet.physical - 0x10000, length=500, status=1)


STATUS_INSUFFICIENT_RESOURCES = 0xC000009A
OLDER = ("map_registers=1", "pool_memory=1", "async_memory=1", "update_memory=1")
FRAGMENTS = ("fragments=15", "scattered=1")

# -- the table -------------------------------------------------------------------------------------------------
SENTENCES = (
    Sentence(
        "SEED1",
        1,
        "During initialization a miniport allocates buffers, packet descriptors and buffer descriptors",
        descriptors,
        CLEAN,
        Driver(),
    ),
    Sentence("SEED1", 2, "What it needs depends on the kind of card: bus master", send_and_receive, CLEAN, Driver()),
    Sentence(
        "SEED1",
        2,
        "What it needs depends on the kind of card: subordinate",
        lambda script: channel_transfers(script, CONTIGUOUS | NONCACHED),
        CLEAN,
        Driver(kind="subordinate"),
    ),
    Sentence(
        "SEED1", 2, "What it needs depends on the kind of card: non-DMA", ports_only, CLEAN, Driver(kind="non-dma")
    ),
    Sentence("SEED1", 3, "Memory is shared or unshared", lambda script: shared(script.ready()), CLEAN, Driver()),
    Sentence(
        "SEED1",
        4,
        "Shared memory is only for what a bus master touches: another kind asks for it",
        cached_without_dma,
        frozenset({"R03 E", "R07 E"}),
        Life("shared without bus master"),
        frozenset({"R03 E"}),
    ),
    Sentence(
        "SEED1",
        5,
        "What both touch must be shared: the card gets memory that is not",
        unshared_to_the_card,
        frozenset({"R91 F"}),
        None,
    ),
    Sentence(
        "SEED1",
        6,
        "Shared memory is scarce and may not be had: less is asked for",
        smaller_blocks,
        CLEAN,
        Life("smaller blocks"),
    ),
    Sentence("SEED1", 7, "Cached memory is coherent before data is read from it", send_and_receive, CLEAN, Driver()),
    Sentence(
        "SEED1",
        7,
        "Cached memory is coherent before data is read from it: it is not",
        received_unflushed,
        frozenset({"R98 E"}),
        Driver(("mutate=NdisFlushBuffer:skip",)),
        frozenset({"R96 E", "R98 E"}),
    ),
    Sentence(
        "SEED1",
        8,
        "Buffers are flushed on sends: one is not",
        sent_unflushed,
        frozenset({"R96 E"}),
        Driver(("mutate=NdisFlushBuffer:skip",)),
        frozenset({"R96 E", "R98 E"}),
    ),
    Sentence(
        "SEED1",
        9,
        "A subordinate card's driver keeps up no coherency",
        lambda script: channel_transfers(script, 0),
        NO_TAG,
        Driver(("cached_memory=1", "noncoherent=64:1"), "subordinate"),
    ),
    Sentence(
        "SEED1",
        9,
        "A non-DMA card's driver keeps up no coherency",
        ports_only,
        CLEAN,
        Driver(("noncoherent=64:1",), "non-dma"),
    ),
    Sentence(
        "SEED1",
        10,
        "NDIS flushes on behalf of a subordinate card's driver",
        lambda script: channel_transfers(script, 0),
        NO_TAG,
        Driver(("cached_memory=1", "noncoherent=128:1"), "subordinate"),
    ),
    Sentence(
        "SEED1",
        11,
        "A non-DMA card's driver allocates no cached memory: it does",
        cached_without_dma,
        frozenset({"R03 E", "R07 E"}),
        None,
    ),
    Sentence(
        "SEED1",
        12,
        "NdisAllocateMemoryWithTag gives resident memory of the length asked for",
        lambda script: script.free(script.ready().memory(3000)),
        CLEAN,
        Life("tagged memory"),
    ),
    Sentence(
        "SEED1",
        13,
        "The memory may be cached, noncached and contiguous, as asked for (NdisAllocateMemory)",
        each_flag,
        CLEAN,
        Life("flagged memory"),
    ),
    Sentence(
        "SEED1",
        14,
        "NdisMAllocateSharedMemory gives cached or noncached memory, with both addresses",
        lambda script: shared(script.ready()),
        CLEAN,
        Life("shared after scatter-gather"),
    ),
    Sentence(
        "SEED1",
        15,
        "It comes after the attributes, and after map registers",
        lambda script: shared(begin(script).map_registers()),
        frozenset({"R10 I"}),
        Life("shared after map registers"),
    ),
    Sentence(
        "SEED1",
        15,
        "It comes after the attributes, and after map registers: frames cross such a driver",
        lambda script: shared(begin(script).map_registers()),
        frozenset({"R10 I"}),
        Driver(OLDER),
        frozenset({"R10 I", "R47 I"}),
    ),
    Sentence(
        "SEED1",
        15,
        "It comes after the attributes, and after scatter-gather",
        lambda script: shared(script.ready()),
        CLEAN,
        Life("shared after scatter-gather"),
    ),
    Sentence(
        "SEED1",
        15,
        "It comes after the attributes: it comes before",
        lambda script: script.begin().no_shared(),
        frozenset({"R01 E", "R03 E"}),
        None,
    ),
    Sentence(
        "SEED1",
        15,
        "It comes after one of the two: it comes after neither",
        lambda script: begin(script).no_shared(),
        frozenset({"R03 E"}),
        Life("shared without a gate"),
    ),
    *(
        Sentence("SEED1", number, text, descriptors, CLEAN, Life("descriptors"))
        for number, text in (
            (16, "NdisAllocatePacketPool(Ex) makes packet descriptors"),
            (17, "NdisAllocatePacket takes one"),
            (18, "NdisAllocateBufferPool makes a pool of buffer descriptors"),
            (19, "NdisAllocateBuffer takes one"),
        )
    ),
    Sentence(
        "SEED2",
        1,
        "NdisAllocateMemory gives resident memory, below a bound, contiguous or noncached, as asked for",
        lambda script: script.free(begin(script).flagged(3000, CONTIGUOUS, 0xFFFFFFFF), 3000, CONTIGUOUS),
        CLEAN,
        Driver(kind="subordinate"),
    ),
    Sentence("SEED2", 2, "Any driver may call it with MemoryFlags 0", any_driver, NO_TAG, Life("plain memory")),
    Sentence("SEED2", 3, "A miniport takes its context from it, for the attributes", context, NO_TAG, None),
    Sentence(
        "SEED2",
        4,
        "A protocol takes buffer space from it",
        lambda script: by_the_protocol(script, 0),
        CLEAN,
        Driver(("fragments=3",)),
    ),
    Sentence(
        "SEED2",
        5,
        "Only a miniport may set a flag: a protocol does",
        lambda script: by_the_protocol(script, CONTIGUOUS),
        frozenset({"R06 E", "R61 E", "R62 E"}),
        None,
    ),
    Sentence(
        "SEED2",
        6,
        "During initialization a miniport allocates such memory for its card",
        lambda script: channel_transfers(script, CONTIGUOUS | NONCACHED),
        CLEAN,
        Driver(kind="subordinate"),
    ),
    Sentence(
        "SEED2",
        7,
        "Contiguous memory is one physical run",
        lambda script: channel_transfers(script, CONTIGUOUS),
        CLEAN,
        Driver(kind="subordinate"),
    ),
    Sentence(
        "SEED2",
        8,
        "Noncached memory is read and written for DMA without a flush",
        lambda script: channel_transfers(script, CONTIGUOUS | NONCACHED),
        CLEAN,
        Driver(("noncoherent=64:1",), "subordinate"),
    ),
    Sentence(
        "SEED2",
        9,
        "The caller gets one virtual range, which one or more physical ranges back",
        in_pieces,
        CLEAN,
        Driver(FRAGMENTS),
    ),
    Sentence(
        "SEED2",
        10,
        "Both flags may be set, and such memory is very limited: more than is needed is asked for",
        too_much,
        UNUSED,
        Life("flagged memory left unused"),
    ),
    Sentence(
        "SEED2",
        11,
        "To ask for it outside initialization is a programming error: it is done",
        later,
        frozenset({"R06 E"}),
        Life("flagged memory later"),
    ),
    Sentence(
        "SEED2",
        12,
        "When it cannot be had, one or more smaller blocks may do",
        smaller_blocks,
        CLEAN,
        Life("smaller blocks"),
    ),
    Sentence(
        "SEED2",
        13,
        "Nonpaged memory may be asked for up to DISPATCH_LEVEL",
        lambda script: at_dispatch(script, plain),
        NO_TAG,
        Life("plain memory"),
    ),
    Sentence(
        "SEED2",
        14,
        "Contiguous or noncached memory is asked for at PASSIVE_LEVEL: it is asked for above",
        lambda script: at_dispatch(script, flagged),
        frozenset({"R61 E", "R62 E"}),
        Life("flagged memory at dispatch"),
        frozenset({"R61 E"}),
    ),
    Sentence(
        "SEED2",
        15,
        "ExAllocatePool is for general use",
        lambda script: pool(begin(script), 3000),
        NO_TAG,
        Driver(("pool_memory=1",)),
    ),
    Sentence(
        "SEED2",
        16,
        "A block of a page or more begins on a page",
        lambda script: pool(begin(script), PAGE + 1),
        NO_TAG,
        Life("pool memory"),
    ),
    Sentence(
        "SEED2",
        16,
        "A block of a page or more begins on a page: it does not",
        lambda script: placed(script, 0xFFFF888000100010, PAGE),
        NO_TAG | {"R120 E"},
        None,
    ),
    Sentence(
        "SEED2",
        17,
        "A smaller one crosses no page, and begins on 8 bytes",
        lambda script: pool(begin(script), 10),
        NO_TAG,
        Life("pool memory"),
    ),
    Sentence(
        "SEED2",
        17,
        "A smaller one crosses no page: it does",
        lambda script: placed(script, 0xFFFF888000100FF0, 0x20),
        NO_TAG | {"R120 E"},
        None,
    ),
    Sentence(
        "SEED2",
        18,
        "The caller gets exactly the bytes asked for: one more is written",
        lambda script: behind(script, 64),
        NO_TAG | {"R45 F"},
        Life("store behind pool memory"),
    ),
    Sentence(
        "SEED2",
        19,
        "The rest of the last page is not the caller's: it is written",
        lambda script: behind(script, 2 * PAGE),
        NO_TAG | {"R45 F"},
        Life("store behind pool memory"),
    ),
    Sentence(
        "SEED2",
        20,
        "At DISPATCH_LEVEL the pool is nonpaged",
        lambda script: at_dispatch(script, lambda made: pool(made, 3000)),
        NO_TAG,
        Life("pool memory"),
    ),
    Sentence(
        "SEED2",
        20,
        "At DISPATCH_LEVEL the pool is nonpaged: it is paged",
        lambda script: at_dispatch(script, lambda made: made.call("ExAllocatePool", 0, type=PAGED, length=64)),
        NO_TAG | {"R64 F"},
        Life("paged pool at dispatch"),
    ),
    Sentence(
        "SEED2",
        21,
        "Below it, the pool may be paged",
        lambda script: pool(begin(script), 3000, PAGED),
        NO_TAG,
        Life("pool memory"),
    ),
    Sentence(
        "SEED2",
        22,
        "After a NULL, STATUS_INSUFFICIENT_RESOURCES is returned",
        lambda script: reported(script, STATUS_INSUFFICIENT_RESOURCES),
        NO_TAG,
        Driver(("pool_memory=1", "fail=ExAllocatePool:over:20000")),
    ),
    Sentence(
        "SEED2",
        22,
        "After a NULL, STATUS_INSUFFICIENT_RESOURCES is returned: something else is",
        lambda script: reported(script, FAILURE),
        NO_TAG | {"R25 W"},
        None,
    ),
    Sentence(
        "SEED2",
        22,
        "After a NULL, the processing is delayed",
        delayed,
        NO_TAG,
        Life("pool memory delayed"),
    ),
)
