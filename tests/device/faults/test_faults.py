# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults on the card's core: each does what its declaration says, and the reference driver names the broken rule."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from nicrig_device.faults.armed import FaultError, Faults
from nicrig_device.faults.fault import Fault, FaultHook
from nicrig_device.faults.signal_faults import STORM_MESSAGES
from nicrig_device.faults.table import FAULTS
from nicrig_device.hooks import POINTS, Hook
from nicrig_device.models.catalogue import KINDS
from nicrig_device.spec import registers
from nicrig_device.spec.descriptors import Refusal
from tests.contracts.conftest import DRIVERS, MEMORY_AT, MEMORY_BYTES
from tests.fakes.card_driver import CardDriver
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MemoryBus
from tests.fakes.rules import RuleBrokenError

FRAMES = [bytes([number]) * (60 + number) for number in range(20)]
PAIRS = [(kind, name) for kind in KINDS for name, fault in FAULTS.items() if kind in fault.kinds]
ALL_ONES = 0xFFFFFFFF


class FaultyCard:
    """A card whose faults can be armed, and its driver, started and prepared."""

    def __init__(self, kind: str) -> None:
        self.bus = MemoryBus(kind=KINDS[kind])
        self.bus.memory.map(MEMORY_AT, MEMORY_BYTES)
        self.faults = Faults(self.bus.card)
        self.driver: CardDriver = DRIVERS[kind](self.bus)
        self.driver.start()
        self.driver.prepare()

    def arm(self, name: str, at: int = 1, count: int = 1) -> None:
        self.faults.arm(name, at, count)

    def hooks(self) -> int:
        """How many hooks the card has."""
        return len(self.bus.card.hooks.armed)

    def wait(self, condition: Callable[[], bool], what: str = "it") -> None:
        self.bus.wait(condition, what)

    def wait_over(self, name: str) -> None:
        self.wait(lambda: self.faults.armed(name) is None and not self.bus.card.hooks.armed, f"{name} to be over")


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Iterator[FaultyCard]:
    card = FaultyCard(request.param if hasattr(request, "param") else "bus-master")
    yield card
    card.bus.close()


every_kind = pytest.mark.parametrize("made", list(KINDS), indirect=True)
every_fault = pytest.mark.parametrize(("made", "name"), PAIRS, indirect=["made"])
other_kinds = pytest.mark.parametrize("made", ["subordinate", "non-dma"], indirect=True)


# -- arming ---------------------------------------------------------------------------------------------
@every_fault
def test_a_fault_that_is_cleared_leaves_the_card_as_it_was(made: FaultyCard, name: str) -> None:
    made.arm(name)
    assert made.hooks() > 0
    made.faults.clear()
    assert made.hooks() == 0
    assert made.faults.armed(name) is None
    made.bus.peer.send(FRAMES)
    assert made.driver.receive_exactly(len(FRAMES)) == FRAMES


@pytest.mark.parametrize("point", POINTS)
def test_a_fault_that_fails_costs_a_line_and_is_over(
    point: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Hook, *given: object, **named: object) -> NoReturn:
        raise SystemExit("on purpose")

    broken = type("Broken", (FaultHook,), {point: fail})
    monkeypatch.setitem(FAULTS, "broken", Fault("broken", "", "", "", broken))
    for kind in KINDS:
        made = FaultyCard(kind)
        made.bus.card.ledger.set_policy("report")
        made.driver.record_grants()
        made.arm("broken", count=1000)
        made.driver.arm_receive()
        made.bus.peer.send(FRAMES)
        assert made.driver.receive_exactly(len(FRAMES)) == FRAMES
        made.driver.send_and_reap(FRAMES)
        assert made.bus.peer.receive(len(FRAMES)) == FRAMES
        made.driver.stop()
        lines = [record for record in caplog.records if "on purpose" in record.getMessage()]
        assert len(lines) == (made.faults.armed("broken") is None) <= 1
        if lines:
            assert made.hooks() == 0
            return
        made.bus.close()
    pytest.fail(f"no kind comes to {point}")


@every_kind
def test_all_faults_may_wait_at_once_and_harm_nothing_before_their_number(made: FaultyCard) -> None:
    for name in made.faults.known:
        made.arm(name, at=1000)
    made.bus.peer.send(FRAMES)
    assert made.driver.receive_exactly(len(FRAMES)) == FRAMES
    made.driver.send_and_reap(FRAMES)
    assert made.bus.peer.receive(len(FRAMES)) == FRAMES
    made.driver.stop()
    assert {name: made.faults.fired(name) for name in made.faults.known} == dict.fromkeys(made.faults.known, 0)


@every_kind
@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_faults_around_one_method_may_end_in_any_order(made: FaultyCard, order: tuple[int, ...]) -> None:
    for name, at in zip(("frame-lost", "frame-corrupted", "frame-doubled"), order, strict=True):
        made.arm(name, at=at)
    for frame in FRAMES:
        made.bus.peer.send([frame])
    assert len(made.driver.receive_exactly(len(FRAMES))) == len(FRAMES)
    assert made.bus.card.hooks.armed == ()
    assert [made.faults.fired(name) for name in ("frame-lost", "frame-corrupted", "frame-doubled")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "why"), [("none", "a bus-master card has no fault none: frame-lost, "), ("count-too-high", "has no fault")]
)
def test_a_fault_that_there_is_not_is_refused_with_those_there_are(made: FaultyCard, name: str, why: str) -> None:
    with pytest.raises(FaultError, match=why):
        made.arm(name)


@pytest.mark.parametrize(("at", "count", "struck"), [(1, 1, [0]), (5, 3, [4, 5, 6]), (20, 9, [19]), (30, 1, [])])
@pytest.mark.parametrize("batch", [1, 3, 20])
@every_kind
def test_the_frames_that_are_struck_are_those_that_were_named(
    made: FaultyCard, at: int, count: int, struck: list[int], batch: int
) -> None:
    made.arm("frame-lost", at, count)
    for first in range(0, len(FRAMES), batch):
        made.bus.peer.send(FRAMES[first : first + batch])
    kept = [frame for number, frame in enumerate(FRAMES) if number not in struck]
    assert made.driver.receive_exactly(len(kept)) == kept
    assert made.faults.fired("frame-lost") == len(struck)


def test_a_fault_that_is_armed_again_begins_anew_and_what_it_did_still_counts(made: FaultyCard) -> None:
    made.arm("frame-lost", count=5)
    made.bus.peer.send(FRAMES[:2])
    made.arm("frame-lost", at=2)
    made.bus.peer.send(FRAMES[:3])
    assert made.driver.receive_exactly(2) == [FRAMES[0], FRAMES[2]]
    assert made.faults.fired("frame-lost") == 3


# -- frames -----------------------------------------------------------------------------------------------
@every_kind
def test_a_frame_is_doubled(made: FaultyCard) -> None:
    made.arm("frame-doubled", at=2)
    made.bus.peer.send(FRAMES[:3])
    assert made.driver.receive_exactly(4) == [FRAMES[0], FRAMES[1], FRAMES[1], FRAMES[2]]
    made.driver.stop()


@every_kind
def test_a_frame_is_corrupted_in_its_last_byte(made: FaultyCard) -> None:
    made.arm("frame-corrupted", at=2)
    made.bus.peer.send(FRAMES[:3])
    wrong = FRAMES[1][:-1] + bytes([FRAMES[1][-1] ^ 0xFF])
    assert made.driver.receive_exactly(3) == [FRAMES[0], wrong, FRAMES[2]]
    made.driver.stop()


@every_kind
def test_a_frame_is_truncated(made: FaultyCard) -> None:
    made.arm("frame-truncated", at=2, count=2)
    made.bus.peer.send([FRAMES[0], FRAMES[1], bytes(15)])
    assert made.driver.receive_exactly(3) == [FRAMES[0], FRAMES[1][:30], bytes(14)]
    made.driver.stop()


@every_kind
@pytest.mark.parametrize("name", ["length-too-short", "length-too-long"])
def test_an_invalid_length_breaks_the_datasheet(made: FaultyCard, name: str) -> None:
    made.arm(name, at=3)
    made.bus.peer.send(FRAMES[:2])
    assert made.driver.receive_exactly(2) == FRAMES[:2]
    made.bus.peer.send(FRAMES[2:4])
    with pytest.raises((RuleBrokenError, ValueError)):
        made.driver.receive_exactly(2)
    assert made.bus.card.counters["rx_bytes"] == sum(map(len, FRAMES[:4]))


@other_kinds
def test_a_count_that_is_too_high_breaks_the_datasheet(made: FaultyCard) -> None:
    made.arm("count-too-high", at=2)
    made.bus.peer.send(FRAMES[:2])
    with pytest.raises(RuleBrokenError):
        made.driver.receive_exactly(2)


# -- a bus master's descriptors ---------------------------------------------------------------------------
def fake(made: FaultyCard) -> FakeDriver:
    assert isinstance(made.driver, FakeDriver)
    return made.driver


def test_a_completion_is_refused_and_the_others_are_not(made: FaultyCard) -> None:
    made.arm("completion-refused", at=2)
    made.bus.peer.send(FRAMES[:3])
    with pytest.raises(RuleBrokenError):
        made.driver.receive_exactly(3)


def test_a_card_that_owes_data_is_not_at_rest(made: FaultyCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge waits for the card to rest: it would miss the late frame."""
    rests: list[bool] = []
    monkeypatch.setattr(made.bus.card.trace, "rest", lambda: rests.append(True))
    made.arm("completion-before-data")
    made.bus.peer.send(FRAMES[:1])
    assert made.bus.card.may_sleep(time.monotonic())
    assert rests == []
    made.wait_over("completion-before-data")
    assert made.bus.card.may_sleep(time.monotonic())
    assert rests


def test_the_data_come_after_the_completion(made: FaultyCard) -> None:
    made.arm("completion-before-data", at=2)
    made.bus.peer.send(FRAMES[:3])
    slots = fake(made).rx._slots
    assert [int(status) for status in slots["status"][:3]] == [1, 1, 1]
    seen = [made.bus.memory.view(int(slots["address"][slot]), len(FRAMES[slot])) for slot in range(3)]
    assert [view.tobytes() == frame for view, frame in zip(seen, FRAMES, strict=False)] == [True, False, True]
    made.wait(lambda: seen[1].tobytes() == FRAMES[1], "the data")
    made.wait_over("completion-before-data")
    assert made.driver.receive_exactly(3) == FRAMES[:3]
    made.driver.stop()


@pytest.mark.parametrize("name", ["completion-before-data", "completion-out-of-order", "send-read-late"])
def test_what_is_late_never_comes_once_the_card_was_reset(made: FaultyCard, name: str) -> None:
    made.arm(name)
    made.bus.peer.send(FRAMES[:2])
    made.driver.send(FRAMES[:2])
    made.bus.step()
    made.driver.reset()
    made.wait_over(name)
    made.driver.start()  # over the same memory: the card must not write to it or give a descriptor back
    made.driver.prepare()
    made.driver.stop()
    assert made.bus.sent == ([] if name == "send-read-late" else FRAMES[:2])


def test_what_is_late_does_not_touch_memory_that_has_gone(made: FaultyCard) -> None:
    made.arm("completion-before-data", count=3)
    made.bus.peer.send(FRAMES[:3])
    made.bus.memory.unmap(MEMORY_AT)
    made.wait_over("completion-before-data")


def test_a_descriptor_is_done_after_those_behind_it(made: FaultyCard) -> None:
    made.arm("completion-out-of-order", at=2)
    made.bus.peer.send(FRAMES[:3])
    with pytest.raises(RuleBrokenError, match="written back before one ahead of it"):
        made.driver.receive_exactly(3)
    assert int(made.bus.doorbells[registers.QUEUE_BLOCK.address(registers.RX_HEAD) // 4]) == 1
    made.wait_over("completion-out-of-order")
    assert made.driver.receive_exactly(3) == FRAMES[:3]
    made.driver.stop()


def test_bytes_behind_the_buffer_are_changed(made: FaultyCard) -> None:
    made.arm("buffer-overrun", at=2)
    made.bus.peer.send(FRAMES[:2])
    with pytest.raises(RuleBrokenError, match="wrote outside"):
        made.driver.receive_exactly(2)


def test_a_send_is_refused(made: FaultyCard) -> None:
    made.arm("send-refused", at=2)
    made.driver.send(FRAMES[:3])
    made.wait(lambda: fake(made).tx.completed() == 3)
    assert fake(made).reap() == 2
    assert [refusal.code for refusal in fake(made).refusals] == [Refusal.ADDRESS]
    assert made.bus.peer.receive(3) == FRAMES[:3]


def test_a_send_is_read_after_it_was_given_back(made: FaultyCard) -> None:
    made.arm("send-read-late", at=2)
    made.driver.send(FRAMES[:2])
    made.wait(lambda: fake(made).tx.completed() == 2)
    assert made.bus.sent == []
    slots = fake(made).tx._slots
    made.bus.memory.view(int(slots["address"][0]), 1)[0] = 0xAA
    assert made.bus.peer.receive(2) == [b"\xaa" + FRAMES[0][1:], FRAMES[1]]
    made.wait_over("send-read-late")


# -- interrupts, link, registers, sends -----------------------------------------------------------------------
def messages(made: FaultyCard) -> int:
    """Messages of the frames' vector since the last call, whether the driver asked for them or not."""
    return made.bus.take_interrupts(0)


@every_kind
def test_an_interrupt_is_lost_and_the_next_is_not(made: FaultyCard) -> None:
    made.arm("interrupt-lost")
    made.driver.arm_receive()
    made.bus.peer.send(FRAMES[:1])
    assert messages(made) == 0
    assert made.bus.card.counters["interrupts"] == 1
    assert made.driver.receive_exactly(1) == FRAMES[:1]
    made.driver.arm_receive()
    made.bus.peer.send(FRAMES[:1])
    assert messages(made) == 1


@every_kind
def test_an_interrupt_is_doubled(made: FaultyCard) -> None:
    made.arm("interrupt-doubled")
    made.driver.arm_receive()
    made.bus.peer.send(FRAMES[:1])
    assert messages(made) == 2


@every_kind
@pytest.mark.parametrize("masked", [False, True])
def test_a_storm_has_its_messages_and_ends_when_they_are_masked(made: FaultyCard, masked: bool) -> None:
    made.arm("interrupt-storm")
    made.driver.arm_receive()
    made.bus.peer.send(FRAMES[:1])
    assert messages(made) < 10
    if masked:
        made.bus.card.interrupts.unmasked = False
    made.wait_over("interrupt-storm")
    assert messages(made) <= 10 if masked else STORM_MESSAGES - 10 < messages(made) <= STORM_MESSAGES


@every_kind
def test_the_link_goes_down_behind_a_frame_and_comes_back(made: FaultyCard) -> None:
    made.arm("link-flap", at=2)
    made.bus.peer.send(FRAMES[:2])
    assert not made.bus.card.link_up
    assert made.driver.receive_exactly(2) == FRAMES[:2]
    made.wait(lambda: made.bus.card.link_up, "the link")
    assert made.driver.card.events == 2
    made.driver.stop()


@every_kind
def test_registers_read_all_ones(made: FaultyCard) -> None:
    made.arm("registers-stuck", at=2, count=2)
    read = [made.bus.read_control(0) for _ in range(4)]
    assert read == [registers.MAGIC, ALL_ONES, ALL_ONES, registers.MAGIC]


@every_kind
def test_the_card_says_that_it_is_not_ready(made: FaultyCard) -> None:
    made.arm("card-not-ready")
    ready = registers.STATUS.field("READY")
    status = registers.CARD_BLOCK.address(registers.STATUS)
    assert made.bus.read_control(0) == registers.MAGIC
    assert [ready.of(made.bus.read_control(status)) for _ in range(2)] == [0, 1]


@every_kind
def test_no_send_is_done_until_the_card_was_reset_often_enough(made: FaultyCard) -> None:
    made.driver.send_and_reap(FRAMES[:2])
    assert made.bus.peer.receive(2) == FRAMES[:2]
    made.arm("send-never-done", at=2, count=4)
    made.driver.send_and_reap(FRAMES[:2])
    assert made.bus.peer.receive(2) == FRAMES[:2]
    for _ in range(2):
        made.driver.send(FRAMES[:2])
        with pytest.raises(TimeoutError):
            made.bus.peer.receive(1, seconds=0.01)
        assert made.bus.card.may_sleep(time.monotonic()), "a card that does nothing stays awake"
        made.bus.card.wake()
        made.driver.stop()
        made.driver.start()  # either resets the card
        made.driver.prepare()
    assert made.faults.fired("send-never-done") == 4
    made.driver.send_and_reap(FRAMES[:2])
    assert made.bus.peer.receive(2) == FRAMES[:2]


def test_every_declaration_says_all(made: FaultyCard) -> None:
    for name, fault in FAULTS.items():
        texts: list[Any] = [fault.does, fault.driver, fault.counts]
        assert all(texts), name
        assert fault.does.endswith("."), name
        assert fault.driver.endswith("."), name


# -- faults that only a witness or the ledger finds -----------------------------------------------------------
@every_kind
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_frame_changes_places_with_the_next_one_also_of_a_later_batch(made: FaultyCard, batch: int) -> None:
    made.arm("frame-reordered", at=2, count=2)
    for first in range(0, 10, batch):
        made.bus.peer.send(FRAMES[first : first + batch])
    order = [0, 2, 1, 4, 3, *range(5, 10)]
    assert made.driver.receive_exactly(10) == [FRAMES[number] for number in order]
    assert made.faults.fired("frame-reordered") == 2


def buffers(made: FaultyCard, count: int, size: int = 128) -> list[bytes]:
    """What lies in the first buffers of the receive ring."""
    addresses = fake(made).rx._slots["address"][:count]
    return [made.bus.memory.view(int(address), size).tobytes() for address in addresses]


@pytest.mark.parametrize(("name", "written"), [("frame-torn", slice(0, 64)), ("frame-not-written", slice(0, 0))])
def test_a_part_of_the_buffer_is_as_it_was_before(made: FaultyCard, name: str, written: slice) -> None:
    before = buffers(made, 3)
    made.arm(name, at=2)
    frames = [bytes([number + 1]) * 128 for number in range(3)]
    made.bus.peer.send(frames)
    torn = frames[1][written] + before[1][written.stop :]
    assert buffers(made, 3) == [frames[0], torn, frames[2]]


def test_a_byte_of_a_received_frame_changes_behind_the_card(made: FaultyCard) -> None:
    made.arm("buffer-changed", at=2)
    frames = [bytes([number + 1]) * 128 for number in range(3)]
    made.bus.peer.send(frames)
    wrong = frames[1][:64] + bytes([frames[1][64] ^ 0xFF]) + frames[1][65:]
    assert buffers(made, 3) == [frames[0], wrong, frames[2]]


def test_a_frame_goes_into_the_buffer_of_a_later_descriptor(made: FaultyCard) -> None:
    made.arm("frame-misdirected", at=2)
    frames = [bytes([number + 1]) * 128 for number in range(3)]
    posted = made.bus.card.kind.rings()[0].posted
    made.bus.peer.send(frames)
    found = buffers(made, posted)
    assert (found[0], found[2]) == (frames[0], frames[2])
    assert found[1] != frames[1]
    assert found[min(101, posted - 1)] == frames[1]


@pytest.mark.parametrize(("name", "shift"), [("length-cut", -16), ("length-stretched", 16)])
def test_the_driver_reads_another_length_than_was_written(made: FaultyCard, name: str, shift: int) -> None:
    made.arm(name, at=2)
    made.bus.peer.send(FRAMES[:3])
    lengths = fake(made).rx._slots["length"][:3].tolist()
    assert lengths == [len(FRAMES[0]), len(FRAMES[1]) + shift, len(FRAMES[2])]


def test_a_send_is_cut(made: FaultyCard) -> None:
    made.arm("send-cut", at=2)
    made.driver.send(FRAMES[:3])
    assert made.bus.peer.receive(3) == [FRAMES[0], FRAMES[1][:-16], FRAMES[2]]


def test_a_send_changes_in_memory_after_it_was_read(made: FaultyCard) -> None:
    made.arm("send-changed", at=2)
    made.driver.send(FRAMES[:3])
    assert made.bus.peer.receive(3) == FRAMES[:3]
    slots = fake(made).tx._slots
    lie = [made.bus.memory.view(int(slots["address"][slot]), len(FRAMES[slot])).tobytes() for slot in range(3)]
    assert [data == frame for data, frame in zip(lie, FRAMES, strict=False)] == [True, False, True]
