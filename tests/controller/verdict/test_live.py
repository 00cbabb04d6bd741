# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import pytest
import trio
import trio.testing

from nicrig.process.polling import until
from nicrig.recorder import recording
from nicrig.recorder.reader import Batch, Recorder
from nicrig.session.options import Options
from nicrig.verdict.live import PERIOD, LiveVerdict, live_verdict
from nicrig.verdict.offline import judge
from nicrig.verifier.functions import BY_NAME, Detail, Phase, RecordKind
from nicrig.witnesses.words import Word
from nicrig_interface.answers import TimingState
from tests.fakes.recorder import ALL_ONES, ASLEEP, HEAD, SETTLED, Rings

if TYPE_CHECKING:
    from nicrig.session.rig import Rig

pytestmark = pytest.mark.anyio


class FakeRig:
    """The rig as far as a live verdict sees it. `last` is set when the verdict has read to the end."""

    options = Options()

    def __init__(self, folder: Path) -> None:
        self.card = self.monitor = self
        self.rings = Rings(folder)
        self.last = False

    async def ask(self, command: str, answer: type[TimingState]) -> TimingState:
        assert command == "query-timing"
        return answer("unkind:1", {}, b"noise")

    def recorder(self) -> Recorder:
        rig = self

        class Noting(Recorder):
            def read(self, *, to_end: bool = False) -> Iterator[Batch]:
                rig.last |= to_end
                return super().read(to_end=to_end)

        return Noting(self.rings.layout)

    def as_rig(self) -> Rig:
        return cast("Rig", self)


@pytest.fixture
def rig(tmp_path: Path) -> FakeRig:
    return FakeRig(tmp_path)


def call(rings: Rings, name: str, **fields: int) -> None:
    rings.guest.write(function=BY_NAME[name].number, **fields)


def claim_too_early(rings: Rings) -> None:
    """Breaks R01: scatter-gather is asked for before NdisMSetAttributesEx."""
    call(rings, "MiniportInitialize", kind=RecordKind.ENTER, phase=Phase.INITIALIZE)
    call(rings, "NdisMInitializeScatterGatherDma", phase=Phase.INITIALIZE, a=1, b=1514)


async def until_judged(watch: LiveVerdict, count: int) -> None:
    async def look() -> bool | None:
        return watch.verifier.verdict.events == count or None

    with trio.fail_after(5):
        await until(look)


async def test_what_comes_is_judged_while_it_comes(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES) as watch:
        claim_too_early(rig.rings)
        await until_judged(watch, 2)
        assert "R01" in watch.verifier.verdict.counts
        assert not rig.last


async def test_what_is_left_is_judged_at_the_end_also_after_a_failure(rig: FakeRig) -> None:
    async def fail() -> None:
        async with live_verdict(rig.as_rig(), Detail.FRAMES) as watch:
            watches.append(watch)
            claim_too_early(rig.rings)
            raise ConnectionError

    watches: list[LiveVerdict] = []
    with pytest.raises(BaseExceptionGroup):
        await fail()
    assert watches[0].verifier.verdict.events == 2
    assert rig.last


async def test_frames_are_judged_by_all_that_is_recorded_however_long_a_read_takes(rig: FakeRig) -> None:
    begun, going_on = threading.Event(), threading.Event()

    class Slow(Recorder):
        def read(self, *, to_end: bool = False) -> Iterator[Batch]:
            batches = list(super().read(to_end=to_end))
            begun.set()
            assert going_on.wait(5)
            yield from batches

    watch = LiveVerdict(Slow(rig.rings.layout), Detail.FRAMES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.catch_up)
        assert await trio.to_thread.run_sync(begun.wait, 5)
        claim_too_early(rig.rings)
        nursery.start_soon(partial(watch.settle, (), (), quiet=0))
        await trio.testing.wait_all_tasks_blocked()
        going_on.set()
    assert watch.verifier.verdict.events == 2


async def test_what_is_judged_is_saved(rig: FakeRig, tmp_path: Path) -> None:
    async with live_verdict(rig.as_rig(), Detail.ALLOCATIONS, tmp_path / "saved"):
        claim_too_early(rig.rings)
        rig.rings.card.write(function=9, a=1, result=1)
    detail, _, events = recording.load(tmp_path / "saved")
    assert detail is Detail.ALLOCATIONS
    assert [event.function for event in events] == [
        "MiniportInitialize",
        "card.link",
        "NdisMInitializeScatterGatherDma",
    ]


async def test_what_the_card_lost_reaches_the_judge(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES) as watch:
        call(rig.rings, "NdisMSleep")
        for _ in range(10):
            rig.rings.card.write(function=9, result=1)
    assert watch.verifier.verdict.lost == 2


def set_head(head: int) -> Callable[[Rings], None]:
    return lambda rings: rings.guest.set_word(HEAD, head)


def begin_and_never_finish(rings: Rings) -> None:
    for _ in range(400):
        rings.guest.begin()


HOSTILE = {
    "all ones": set_head(ALL_ONES),
    "ahead": set_head(1 << 40),
    "back": set_head(1),
    "zero": set_head(0),
    "one too many": set_head(3),
    "never finished": begin_and_never_finish,
    "unknown function": lambda rings: call(rings, "NdisMSleep", kind=77),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("seen_before", [True, False])
async def test_whatever_a_guest_does_to_its_head_the_verdict_is_unknown_live_and_from_the_file(
    rig: FakeRig, tmp_path: Path, hostile: Callable[[Rings], None], seen_before: bool
) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES, tmp_path / "saved") as watch:
        call(rig.rings, "NdisMSleep", phase=Phase.RUN)
        call(rig.rings, "NdisMSleep", phase=Phase.RUN)
        if seen_before:
            await until_judged(watch, 2)
        hostile(rig.rings)
    verdict = watch.verifier.verdict
    if not seen_before and hostile in (HOSTILE["back"], HOSTILE["zero"]):
        assert verdict.calls < 2  # what no reader saw is not lost, but nothing is seen of it either
    else:
        assert verdict.lost
    assert verdict.clean == (not verdict.lost and verdict.calls > 0)
    judged = judge(tmp_path / "saved")
    assert (judged.word, judged.verifier.verdict.lost) == (
        ("unknown" if not verdict.clean else "clean"),
        verdict.lost,
    )


async def test_a_head_that_goes_back_and_on_again_is_still_lost(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES) as watch:
        call(rig.rings, "NdisMSleep", phase=Phase.RUN)
        call(rig.rings, "NdisMSleep", phase=Phase.RUN)
        await until_judged(watch, 2)
        rig.rings.guest.set_word(HEAD, 0)
        await trio.sleep(5 * PERIOD)
        for _ in range(3):
            call(rig.rings, "NdisMSleep", phase=Phase.RUN)
    assert (watch.verifier.verdict.events, watch.verifier.verdict.lost) == (5, 2)
    assert not watch.verifier.verdict.clean


async def test_a_gap_behind_the_last_record_blinds_the_witnesses(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.BYTES) as watch:
        await watch.begin([], quiet=5)
        rig.rings.card.write(function=11, a=0, b=0x1000, c=60, d=rig.rings.card.keep(bytes(60)))
        rig.rings.guest.begin()
        await watch.finish()
        watch.witnesses.settle()
    assert watch.witnesses.counts == {}


async def test_records_of_the_card_alone_are_no_verdict_over_the_driver(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES) as watch:
        rig.rings.card.write(function=9, a=1)
    verdict = watch.verifier.verdict
    assert (verdict.events, verdict.calls, verdict.lost, verdict.clean) == (1, 0, 0, False)


@pytest.mark.parametrize("fields", [{"function": 999}, {"function": 0}, {"kind": 5}, {"phase": 6}])
async def test_an_undeclared_record_counts_as_lost(rig: FakeRig, tmp_path: Path, fields: dict[str, int]) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES, tmp_path / "saved") as watch:
        rig.rings.guest.write(**{"function": 1} | fields)
        call(rig.rings, "NdisMSleep", phase=Phase.RUN)
    assert (watch.verifier.verdict.events, watch.verifier.verdict.lost) == (1, 1)
    assert [event.sequence for event in recording.load(tmp_path / "saved").events] == [2]


async def test_frames_are_judged_when_all_that_was_recorded_of_them_is_read(rig: FakeRig) -> None:
    frame, other = bytes(60), bytes([1]) * 60

    async def record() -> None:
        await trio.sleep(0.05)
        rig.rings.card.write(function=11, a=0, b=0x1000, c=60, d=rig.rings.card.keep(frame))
        call(rig.rings, "NdisMIndicateReceivePacket", a=1, b=2, c=60, result=rig.rings.guest.keep(other))
        rig.rings.card.set_word(SETTLED, ASLEEP)

    async with live_verdict(rig.as_rig(), Detail.BYTES) as watch, trio.open_nursery() as nursery:
        await watch.begin([frame], quiet=5)
        rig.rings.card.set_word(SETTLED, 0)
        nursery.start_soon(record)
        await watch.settle([frame], None, quiet=5)
        assert watch.witnesses.counts == {"changed-under-device": 1}
        (finding,) = watch.witnesses.findings.values()
        assert [look.data for look in finding.views.values()] == [frame, frame, other]


class FakeWire:
    """A wire that had one frame in, and nothing out."""

    def __init__(self, frame: bytes) -> None:
        self.waiting = {"in": [frame], "out": []}

    async def wait_out(self, count: int) -> None:
        assert count == 0

    def unsettled(self, way: Literal["in", "out"]) -> list[bytes]:
        return self.waiting[way]

    def settle(self, in_count: int, out_count: int) -> None:
        assert (in_count, out_count) == (len(self.waiting["in"]), len(self.waiting["out"]))
        self.waiting = {"in": [], "out": []}


async def nothing_dropped() -> Counter[Word]:
    return Counter()


async def test_the_wire_is_settled_when_the_driver_has_seen_the_frame_and_each_frame_once(rig: FakeRig) -> None:
    frame = bytes(60)

    async def record() -> None:
        rig.rings.card.write(function=11, a=0, b=0x1000, c=60, d=rig.rings.card.keep(frame))
        # The card sleeps already, and the driver has yet to take its interrupt.
        rig.rings.card.set_word(SETTLED, ASLEEP)
        await trio.sleep(0.05)
        call(rig.rings, "NdisMIndicateReceivePacket", a=1, b=2, c=60, result=rig.rings.guest.keep(frame))

    async with live_verdict(rig.as_rig(), Detail.BYTES) as watch, trio.open_nursery() as nursery:
        await watch.begin([], quiet=5)
        nursery.start_soon(record)
        wire = FakeWire(frame)
        with trio.fail_after(5):
            await watch.settle_wire(wire, nothing_dropped, quiet=10)
            await watch.settle_wire(wire, nothing_dropped, quiet=10)
    assert watch.witnesses.counts == {}
    assert watch.witnesses.frames["in"] == 1


async def test_a_frame_that_does_not_come_is_lost_when_it_has_been_waited_for(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.BYTES) as watch:
        await watch.begin([], quiet=5)
        with trio.fail_after(5):
            await watch.settle_wire(FakeWire(bytes(60)), nothing_dropped, quiet=0.05)
    assert watch.witnesses.counts == {"lost": 1}


async def test_a_frame_that_the_card_has_dropped_is_not_waited_for(rig: FakeRig) -> None:
    async def dropped() -> Counter[Word]:
        return Counter[Word]({"rx_too_short": 1})

    async with live_verdict(rig.as_rig(), Detail.BYTES) as watch:
        await watch.begin([], quiet=5)
        with trio.fail_after(5):
            assert await watch.settle_wire(FakeWire(bytes(5)), dropped, quiet=30) == {"rx_too_short": 1}
    assert watch.witnesses.counts == {"rx_too_short": 1}


async def test_the_wait_for_a_send_that_is_never_completed_has_a_limit(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES) as watch:
        await watch.begin([], quiet=5)
        call(rig.rings, "MiniportSendPackets", kind=RecordKind.ENTER, a=1, b=2, c=60, d=1, result=5)
        with trio.fail_after(5):
            await watch.settle([], None, quiet=0.05)
        assert watch.witnesses.counts == {"lost": 1}


async def test_the_witnesses_know_the_noise_of_an_unkind_card(rig: FakeRig) -> None:
    async with live_verdict(rig.as_rig(), Detail.FRAMES) as live:
        assert live.witnesses.noise == b"noise"


@pytest.mark.parametrize(
    ("parameters", "line"),
    [((), 64), (("noncoherent=128:7",), 128), (("rx_ring_size=64", "noncoherent=32"), 32), (("noncoherent=x",), 64)],
)
def test_the_witnesses_know_the_cache_line_of_the_machine(parameters: tuple[str, ...], line: int) -> None:
    assert Options(parameters=parameters).cache_line == line


@pytest.mark.parametrize(
    ("parameters", "recorded"),
    [((), Detail.FRAMES), (("recorder=0",), Detail.OFF), (("recorder=3", "recorder=1"), Detail.ALLOCATIONS)],
)
def test_the_drivers_own_parameter_says_how_much_it_records(parameters: tuple[str, ...], recorded: Detail) -> None:
    assert Options(detail=Detail.FRAMES, parameters=parameters).recorded is recorded
