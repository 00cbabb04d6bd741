# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run counts as lost, and what it excuses, at a card that drops frames and a guest that loses some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from nicrig.machine.guest_interface import Interface
from nicrig.process.deadlines import Deadlines
from nicrig.session.rig import Rig
from nicrig.traffic.generator import mixed
from nicrig.verdict.at_rest import COUNTED
from nicrig.verdict.echo_run import SLOTS, EchoRun
from nicrig.verdict.run_verdict import RunVerdict
from nicrig.witnesses.words import DROPPED

pytestmark = pytest.mark.anyio

FRAMES = mixed(40, seed=1)
QUIET = 0.02
STATION = b"\2\0\0\0\0\7"


class Bench:
    """A card with slots and its guest. `loses` and `drops` say which of the frames guest and card do not pass on."""

    def __init__(self, loses: Sequence[bytes] = (), drops: Sequence[bytes] = ()) -> None:
        self._loses = set(loses)
        self._drops = set(drops)
        self._out, self._wire = trio.open_memory_channel[list[bytes]](1000)
        self.counts = dict.fromkeys(("rx_frames", *DROPPED, "interrupts"), 0)
        self.keeps = False
        self.reposts = True
        """Whether the driver posts slots again."""
        self.late = False
        """Whether the card keeps head back."""
        self.largest = 0
        """The most frames that came at once."""

    async def send(self, frames: Sequence[bytes]) -> None:
        self.largest = max(self.largest, len(frames))
        taken = [frame for frame in frames if frame not in self._drops]
        self.counts["rx_no_buffer"] += len(frames) - len(taken)
        self.counts["rx_frames"] += len(taken)
        echoed = [frame for frame in taken if frame not in self._loses]
        if echoed and not self.keeps:
            await self._out.send(echoed)

    async def receive(self) -> list[bytes]:
        return await self._wire.receive()

    def run(self) -> EchoRun:
        async def counters() -> dict[str, int]:
            return dict(self.counts)

        async def ask(command: str, kind: object) -> Any:
            if command == "query-card":
                return SimpleNamespace(mac=STATION.hex(":"))
            came = self.counts["rx_frames"]
            names = {"RX_TAIL": SLOTS + came * self.reposts, "RX_HEAD": came * (not self.late)}
            return [SimpleNamespace(block="QUEUE", copy=0, name=name, value=value) for name, value in names.items()]

        async def received() -> int:
            return self.counts["rx_frames"]

        async def station() -> bytes:
            return STATION

        async def statistics() -> dict[str, int]:
            return dict.fromkeys((*COUNTED, *COUNTED.values()), self.counts["rx_frames"])

        async def generate(count: int, sizes: tuple[int, int], pause: float) -> None:
            source = b"\2\0\0\0\0\1"
            made = [bytes(6) + source + bytes([number]) * (sizes[0] - 12) for number in range(count)]
            await self._out.send([frame for frame in made if frame not in self._loses])

        card = SimpleNamespace(wire=self, counters=counters, monitor=SimpleNamespace(ask=ask))
        machine = SimpleNamespace(limit=lambda seconds, awaited: nullcontext())
        rig = SimpleNamespace(card=card, machine=machine, deadlines=Deadlines(quiet=QUIET))
        interface = SimpleNamespace(received=received, station=station, send=generate, statistics=statistics)
        return EchoRun(cast(Rig, rig), cast(Interface, interface), None)


async def verdict(bench: Bench, act: Callable[[EchoRun], Any]) -> RunVerdict:
    run = bench.run()
    await run.begin()
    await act(run)
    await run.finish()
    return run.verdict()


def counts(judged: RunVerdict) -> dict[str, int]:
    return {str(word): count for word, count in judged.counts.items()}


async def test_frames_that_a_run_may_lose_are_excused() -> None:
    judged = await verdict(Bench(loses=FRAMES[3:6]), lambda run: run.echo(FRAMES, losing=3))
    assert (judged.coherent, judged.excused, judged.echoed, counts(judged)) == (True, 3, 37, {})


async def test_when_more_are_missing_all_of_them_are_lost() -> None:
    judged = await verdict(Bench(loses=FRAMES[3:6]), lambda run: run.echo(FRAMES, losing=2))
    assert (judged.coherent, judged.excused, counts(judged)) == (False, 0, {"lost": 3})


@pytest.mark.parametrize(("erroneous", "trouble"), [(3, {}), (5, {"error-ignored": 2})])
async def test_frames_with_an_error_must_not_come_back(erroneous: int, trouble: dict[str, int]) -> None:
    bench = Bench(loses=FRAMES[3:6])
    judged = await verdict(bench, lambda run: run.echo(FRAMES, losing=erroneous, erroneous=erroneous))
    assert judged.violations == trouble


async def test_frames_that_an_overloaded_card_drops_are_excused_and_no_others() -> None:
    judged = await verdict(Bench(drops=FRAMES[5:9]), lambda run: run.echo(FRAMES, dropping=True))
    assert (judged.coherent, judged.excused) == (True, 4)
    judged = await verdict(Bench(FRAMES[:1], drops=FRAMES[5:9]), lambda run: run.echo(FRAMES, dropping=True))
    assert counts(judged) == {"rx_no_buffer": 4, "lost": 1}


async def test_a_dropped_frame_is_no_excuse_for_a_run_that_is_no_overload() -> None:
    judged = await verdict(Bench(drops=FRAMES[5:6]), lambda run: run.echo(FRAMES, losing=0))
    assert (counts(judged), judged.dropped, judged.coherent) == ({"rx_no_buffer": 1}, {"rx_no_buffer": 1}, False)
    assert replace(judged, drops_expected=True).coherent
    judged = await verdict(Bench(loses=FRAMES[:1], drops=FRAMES[5:6]), lambda run: run.echo(FRAMES))
    assert not replace(judged, drops_expected=True).coherent


@pytest.mark.parametrize(("window", "dropping", "most"), [(0, False, 64), (160, False, 64), (160, True, 160)])
async def test_a_card_with_slots_gets_no_more_than_it_has(window: int, dropping: bool, most: int) -> None:
    bench = Bench()
    await verdict(bench, lambda run: run.echo(mixed(200, seed=2), window=window, dropping=dropping))
    assert bench.largest == most


async def test_frames_that_the_guest_keeps_are_not_missed_on_the_wire() -> None:
    bench = Bench()
    bench.keeps = True
    judged = await verdict(bench, lambda run: run.keep(FRAMES))
    assert (judged.coherent, judged.injected, judged.kept, judged.echoed) == (True, 40, 40, 0)
    assert bench.largest == SLOTS // 2


async def test_a_guest_that_keeps_frames_gets_what_the_card_has_slots_for() -> None:
    """An unkind card publishes head late: it does not count."""
    for reposts, kept in ((True, 2 * len(FRAMES)), (False, SLOTS)):
        bench = Bench()
        bench.keeps = bench.late = True
        bench.reposts = reposts
        judged = await verdict(bench, lambda run: run.keep(FRAMES * 2))
        assert (judged.kept, bench.counts["rx_frames"]) == (kept, kept)


async def test_frames_that_the_guest_sends_all_have_to_come() -> None:
    judged = await verdict(Bench(), lambda run: run.send(5, (60, 60)))
    assert (judged.coherent, judged.injected, judged.sent, judged.echoed) == (True, 0, 5, 0)
    missing = bytes(6) + b"\2\0\0\0\0\1" + bytes([2]) * 48
    assert not (await verdict(Bench(loses=[missing]), lambda run: run.send(5, (60, 60)))).coherent


async def test_sends_that_a_reset_takes_back_are_excused_and_the_run_goes_on() -> None:
    missing = [bytes(6) + b"\2\0\0\0\0\1" + bytes([number]) * 48 for number in range(5)]
    bench, waited = Bench(loses=missing), trio.Event()

    async def first() -> None:
        waited.set()

    async def act(run: EchoRun) -> None:
        await run.send(5, (60, 60), losing=5, first=first)
        assert not run.stalled
        await run.echo(FRAMES)

    judged = await verdict(bench, act)
    assert waited.is_set()
    assert (judged.coherent, judged.sent, judged.excused, judged.echoed) == (True, 5, 5, 40)
