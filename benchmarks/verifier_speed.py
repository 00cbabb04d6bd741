# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures how fast the verifier judges on one core. Its input is a fresh recording of a guest that echoes frames.

The peer is a plain Python loop that counts the same events by name. Each round has a new verifier and judges the whole
recording, a few thousand records at a time, as a live verdict does.
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
from nicrig.recorder.call_sites import CallSites
from nicrig.recorder.reader import READ_MAX, Recorder, Records, events
from nicrig.session.options import Options
from nicrig.session.rig import open_rig
from nicrig.traffic.generator import mixed
from nicrig.verdict.exchange import exchange
from nicrig.verdict.live import PERIOD
from nicrig.verifier.functions import Detail
from nicrig.verifier.verdict import Verdict
from nicrig.verifier.verifier import Verifier

FRAMES = 30_000
ROUNDS = 5
PARTS = 10
"""Peak memory for all records is compared to peak memory for the first of this many equal parts."""


@dataclass(frozen=True, slots=True)
class VerifierRound:
    """Seconds that one pass over the records spent on each of three steps."""

    decoding: float
    judging: float
    counting: float


@dataclass(frozen=True, slots=True)
class VerifierSpeed:
    """Records per second as medians of the rounds, and peak memory in bytes."""

    records: int
    lost: int
    """Records that the reader missed. The verifier judges less after a gap, and so is faster."""
    broken: int
    """Violations found."""
    to_verdict: float
    """Decoding the raw records and judging the events."""
    judging: float
    """Judging the events alone."""
    loop: float
    """The peer's counting."""
    peak_part: int
    peak_whole: int

    @classmethod
    def of(
        cls, records: int, verdict: Verdict, rounds: Sequence[VerifierRound], peak_part: int, peak_whole: int
    ) -> VerifierSpeed:
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
    """All raw records of guest and card in order, the names of their function numbers, and their call sites."""

    records: Records
    names: dict[int, str]
    sites: CallSites

    def first(self, parts: int) -> Recording:
        """The first of `parts` equal parts."""
        return Recording(self.records[: len(self.records) // parts], self.names, self.sites)

    def batches(self) -> Iterator[Records]:
        for start in range(0, len(self.records), READ_MAX):
            yield self.records[start : start + READ_MAX]


async def record(provision: Provision, options: Options) -> Recording:
    """Record a guest that loads the driver, echoes FRAMES mixed frames, and unloads the driver."""
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
    return Recording(np.concatenate(taken), recorder.names, recorder.sites)


async def _collect(recorder: Recorder, taken: list[Records]) -> None:
    while True:
        taken += [batch.records for batch in recorder.read()]
        await trio.sleep(PERIOD)


def measure(recording: Recording) -> VerifierSpeed:
    """Measure the rounds, then both memory peaks. The peaks come separately because tracing memory takes time."""
    rounds = [_pass(recording) for _ in range(ROUNDS)]
    part, whole = _peak(recording.first(PARTS)), _peak(recording)
    return VerifierSpeed.of(len(recording.records), judge(recording).verdict, rounds, part, whole)


def judge(recording: Recording) -> Verifier:
    """Judge the whole recording with a new verifier, and return it."""
    verifier = Verifier(Detail.FRAMES)
    for batch in recording.batches():
        verifier.feed(list(events(batch, recording.names, recording.sites)))
    return verifier


def _pass(recording: Recording) -> VerifierRound:
    verifier, counts = Verifier(Detail.FRAMES), defaultdict[str, int](int)
    decoding = judging = counting = 0.0
    for batch in recording.batches():
        begin = time.perf_counter()
        decoded = list(events(batch, recording.names, recording.sites))
        decoded_at = time.perf_counter()
        verifier.feed(decoded)
        judged_at = time.perf_counter()
        for event in decoded:
            counts[event.function] += 1
        decoding += decoded_at - begin
        judging += judged_at - decoded_at
        counting += time.perf_counter() - judged_at
    return VerifierRound(decoding, judging, counting)


def _peak(recording: Recording) -> int:
    """Peak memory of judging the recording, in bytes, without the raw records."""
    tracemalloc.start()
    try:
        judge(recording)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
