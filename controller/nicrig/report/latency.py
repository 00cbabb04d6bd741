# SPDX-License-Identifier: GPL-2.0-or-later
"""How long things took, in seconds: pairs of records, of which the first caused the second."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nicrig.report.columns import NUMBERS, Run, Seconds
from nicrig.verifier.constants import CRC
from nicrig.verifier.events import column_of
from nicrig.verifier.functions import RecordKind
from nicrig.verifier.model.world import STORES
from nicrig.verifier.records import CardDoorbell, CardFrameIn, MiniportSendPackets, NdisWriteRegister

LENGTH, DIGEST = column_of(CardFrameIn, "length"), column_of(CardFrameIn, "digest")
PACKET = column_of(MiniportSendPackets, "packet")
VALUE, TAIL = column_of(NdisWriteRegister, "value"), column_of(CardDoorbell, "tail")

Pair = tuple[int, int]
"""The indices of two records."""


@dataclass(frozen=True)
class Latency:
    """`seconds` of each pair. `both_clocks`: guest and card made one record each, so the clock's error is included."""

    name: str
    meaning: str
    seconds: Seconds
    both_clocks: bool = False

    def percentile(self, percent: float) -> float:
        return float(np.percentile(self.seconds, percent))


def latencies(run: Run) -> list[Latency]:
    """All latencies that this recording has."""
    found = [
        _made(run, "turn-around", "a frame goes in, the same bytes come out: FRAME_IN to FRAME_OUT", _turns),
        _made(run, "send", "the driver gets a packet until it completes it: Send to SendComplete", _sends),
        _made(run, "doorbell", "the driver writes it until the card obeys it", _doorbells, both_clocks=True),
        _made(run, "interrupt", "the card fires it until MiniportISR runs", _interrupts, both_clocks=True),
    ]
    return [each for each in found if len(each.seconds)]


def _made(
    run: Run, name: str, meaning: str, pairs: Callable[[Run], Iterator[Pair]], *, both_clocks: bool = False
) -> Latency:
    made = np.array(list(pairs(run)), np.int64).reshape(-1, 2)
    # An end may seem to come before its beginning, by up to the clock's error.
    return Latency(name, meaning, np.maximum(run.times[made[:, 1]] - run.times[made[:, 0]], 0), both_clocks)


def _turns(run: Run) -> Iterator[Pair]:
    """Pairs of frames with the same bytes, in the order in which they came in."""
    inside: defaultdict[tuple[int, int], deque[int]] = defaultdict(deque)
    frame_in = NUMBERS["card.frame_in"]
    places = run.which("card.frame_in", "card.frame_out")
    for place, function, length, digest in _rows(run, places, "function", LENGTH, DIGEST):
        waiting = inside[length, digest & CRC]
        if function == frame_in:
            waiting.append(place)
        elif waiting:
            yield waiting.popleft(), place


def _sends(run: Run) -> Iterator[Pair]:
    begun: dict[int, int] = {}
    send = NUMBERS["MiniportSendPackets"]
    sent = run.which("MiniportSendPackets", kind=RecordKind.ENTER)
    places = np.sort(np.concatenate([sent, run.which("NdisMSendComplete")]))
    for place, function, packet in _rows(run, places, "function", PACKET):
        if function == send:
            begun[packet] = place
        elif packet in begun:
            yield begun.pop(packet), place


def _doorbells(run: Run) -> Iterator[Pair]:
    """Pairs of a register's write and the card's doorbell of the same value."""
    stores: deque[tuple[int, int]] = deque(maxlen=STORES)
    store = NUMBERS["NdisWriteRegister"]
    places = run.which("NdisWriteRegister", "card.doorbell")
    for place, function, value, tail in _rows(run, places, "function", VALUE, TAIL):
        if function == store:
            stores.append((value, place))
        else:
            rung = next((began for written, began in reversed(stores) if written == tail), None)
            if rung is not None:
                yield rung, place


def _interrupts(run: Run) -> Iterator[Pair]:
    """Pairs of an interrupt and its handler; a second interrupt before the handler runs does not count."""
    fired: int | None = None
    interrupt = NUMBERS["card.interrupt"]
    handled = run.which("MiniportISR", kind=RecordKind.ENTER)
    places = np.sort(np.concatenate([run.which("card.interrupt"), handled]))
    for place, function in _rows(run, places, "function"):
        if function == interrupt:
            fired = place if fired is None else fired
        elif fired is not None:
            yield fired, place
            fired = None


def _rows(run: Run, places: npt.NDArray[np.intp], *names: str) -> Iterator[tuple[int, ...]]:
    """Each of these indices with its record's values of these columns."""
    rows = run.records[places]
    return zip(places.tolist(), *(rows[name].tolist() for name in names), strict=True)
