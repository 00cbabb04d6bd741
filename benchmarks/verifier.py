# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the verifier judges, on one core: the raw records of a guest that echoed mixed frames, recorded just before.

The peer is plain Python that counts the same events by name. A round judges the stream from its first record on, as
it would live: some thousand records at a time. No round shares its verifier with another.
"""

from __future__ import annotations

import time
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import trio

from nicrig.provision import Provision
from nicrig.recorder.reader import READ_MAX, Recorder, Records, events
from nicrig.session.options import Options
from nicrig.session.rig import open_rig
from nicrig.traffic.generator import mixed
from nicrig.verdict.echo_run import exchange
from nicrig.verdict.live import PERIOD
from nicrig.verifier.functions import Detail
from nicrig.verifier.verdict import Verdict
from nicrig.verifier.verifier import Verifier

FRAMES = 30_000
ROUNDS = 5
PARTS = 10
"""The peak of memory for the whole stream is compared to that for the first of so many parts of it."""


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds that one pass over the stream spent on each of three things."""

    decoding: float
    judging: float
    counting: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Records per second, medians of the rounds, and bytes at the peak of memory."""

    records: int
    lost: int
    """Records that the reader missed: a stream with gaps is judged in less detail, and faster."""
    broken: int
    """Violations found."""
    to_verdict: float
    """From raw records on: made into events, and judged."""
    judging: float
    """From events on."""
    loop: float
    """The peer."""
    peak_part: int
    peak_whole: int

    @classmethod
    def of(cls, records: int, verdict: Verdict, rounds: Sequence[Round], peak_part: int, peak_whole: int) -> Judged:
        def rate(seconds: Sequence[float]) -> float:
            return records / float(np.median(seconds))

        return cls(
            records=records,
            lost=verdict.lost,
            broken=sum(verdict.counts.values()),
            to_verdict=rate([each.decoding + each.judging for each in rounds]),
            judging=rate([each.judging for each in rounds]),
            loop=rate([each.counting for each in rounds]),
            peak_part=peak_part,
            peak_whole=peak_whole,
        )


@dataclass(frozen=True)
class Recording:
    """All raw records of guest and card in order, and what their numbers are called."""

    records: Records
    names: dict[int, str]

    def first(self, part: int) -> Recording:
        """The first of so many equal parts."""
        return Recording(self.records[: len(self.records) // part], self.names)

    def batches(self) -> Iterator[Records]:
        for start in range(0, len(self.records), READ_MAX):
            yield self.records[start : start + READ_MAX]


async def record(provision: Provision, options: Options) -> Recording:
    """The stream of a guest that loads the driver, echoes FRAMES mixed frames, and unloads it."""
    taken: list[Records] = []
    async with open_rig(provision, options) as rig:
        recorder = rig.card.recorder()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_collect, recorder, taken)
            interface = await rig.guest.load_driver()
            await interface.up()
            await interface.start_echo()
            await exchange(rig.card.wire, mixed(FRAMES, seed=1), quiet=rig.deadlines.quiet * rig.deadlines.scale)
            await rig.guest.unload_driver()
            nursery.cancel_scope.cancel()
        taken += [batch.records for batch in recorder.read(to_end=True)]
    return Recording(np.concatenate(taken), recorder.names)


async def _collect(recorder: Recorder, taken: list[Records]) -> None:
    while True:
        taken += [batch.records for batch in recorder.read()]
        await trio.sleep(PERIOD)


def measure(recording: Recording) -> Judged:
    """The rounds, then both peaks, which are not timed: to count memory takes time."""
    rounds = [_pass(recording) for _ in range(ROUNDS)]
    part, whole = _peak(recording.first(PARTS)), _peak(recording)
    return Judged.of(len(recording.records), judge(recording).verdict, rounds, part, whole)


def judge(recording: Recording) -> Verifier:
    """A verifier that has judged all of it."""
    verifier = Verifier(Detail.FRAMES)
    for batch in recording.batches():
        verifier.feed(list(events(batch, recording.names)))
    return verifier


def _pass(recording: Recording) -> Round:
    verifier, counts = Verifier(Detail.FRAMES), defaultdict[str, int](int)
    decoding = judging = counting = 0.0
    for batch in recording.batches():
        begin = time.perf_counter()
        happened = list(events(batch, recording.names))
        decoded = time.perf_counter()
        verifier.feed(happened)
        judged = time.perf_counter()
        for event in happened:
            counts[event.function] += 1
        decoding += decoded - begin
        judging += judged - decoded
        counting += time.perf_counter() - judged
    return Round(decoding, judging, counting)


def _peak(recording: Recording) -> int:
    """Bytes that judging it took at most, beyond the raw records."""
    tracemalloc.start()
    try:
        judge(recording)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
