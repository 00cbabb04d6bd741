# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger of granted memory (docs/datasheet.md section 17) against a list of intervals, and hostile rings."""

from __future__ import annotations

import mmap
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig_device.dma.memory import GuestMemory
from nicrig_device.hooks import Hooks
from nicrig_device.ledger.grant_records import TAKEN_MAX, WAITING_MAX
from nicrig_device.ledger.grants import RANGES_MAX
from nicrig_device.ledger.ledger import HELD_MAX, HELD_SECONDS, NO_POSITIONS, REVOKED_MAX, TRACED_MAX, Ledger, Touch
from nicrig_device.recorder import CAPACITY, RECORDER_BYTES, Grant, RecordRing, Trace, TraceEvent
from nicrig_device.spec.counters import Counters
from nicrig_device.spec.descriptors import Refusal
from nicrig_device.spec.findings import LedgerFinding
from nicrig_interface.vocabulary import LedgerPolicy
from tests.fakes import recorder as datasheet
from tests.fakes.recorder import ALL_ONES, DETAIL, GRANTS, HEAD, STREAMING, Granting, Record, RecorderMemory

GUARD = 0x5A
MEMORY_AT, MEMORY_BYTES = 0x10000, 0x10000
MAY_READ, MAY_WRITE, BOTH = datasheet.MAY_READ, datasheet.MAY_WRITE, datasheet.MAY_READ | datasheet.MAY_WRITE


class Bench:
    """A ledger, with the guest's end of its ring."""

    def __init__(self, policy: LedgerPolicy = "report") -> None:
        self.rings = RecordRing(), RecordRing()
        self.records, self.trace = (
            RecorderMemory(memoryview(mmap.mmap(ring.fd, RECORDER_BYTES))) for ring in self.rings
        )
        self.memory = GuestMemory()
        self.bytes = np.zeros(MEMORY_BYTES, np.uint8)
        self.memory.add(MEMORY_AT, self.bytes)
        self.counters = Counters()
        self.ledger = Ledger(self.rings[0], self.memory, self.counters, Trace(*self.rings), Hooks())
        self.ledger.set_policy(policy)
        self.driver = Granting(self.records)
        self._positions = NO_POSITIONS

    def codes(self, *touches: tuple[int, int], transmit: bool = False, refused: int = 0) -> list[int]:
        """The codes of descriptors with these addresses and lengths, from ring index 7 on."""
        address, length = np.array(touches, np.uint64).T
        codes = np.full(len(touches), refused, np.uint16)
        self._positions = NO_POSITIONS
        if self.sees():
            self._positions = self.ledger.positions(address)
            self.ledger.judge(address, length.astype(np.uint32), self._positions, codes, transmit=transmit, index=7)
        return [int(code) for code in codes]

    def sees(self) -> bool:
        """Whether the ledger judges, after it has read all records."""
        self.ledger.update()
        return self.ledger.judging

    def look_behind(self, index: int) -> None:
        """Check the guard bytes behind the last descriptors."""
        self.ledger.look_behind(self._positions, index)

    def touch(self, address: int, length: int, *, transmit: bool = False) -> LedgerFinding | None:
        """The finding for one touch, once it is not held any more."""
        before = self.found()
        self.codes((address, length), transmit=transmit)
        self.ledger.due(time.monotonic() + HELD_SECONDS)
        found = self.found() - before
        assert found.total() <= 1
        return next(iter(found), None)

    def found(self) -> Counter[LedgerFinding]:
        return Counter({finding: count for finding in LedgerFinding if (count := self.counters[finding.counter])})

    def events(self) -> list[Record]:
        return [self.trace.record(number + 1) for number in range(self.trace.word(HEAD))]

    def close(self) -> None:
        for ring in self.rings:
            ring.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


# -- findings ---------------------------------------------------------------------------------------
def test_what_is_granted_is_silent(bench: Bench) -> None:
    bench.driver.grant(0x1000, 0x100, MAY_WRITE)
    bench.driver.grant(0x3000, 0x100, MAY_READ | STREAMING)
    assert bench.codes((0x1000, 0x100), (0x1000, 1), (0x10FF, 1)) == [0, 0, 0]
    assert bench.codes((0x3000, 0x100), (0x3080, 0x80), transmit=True) == [0, 0]
    assert not bench.found()
    assert bench.events() == []


@pytest.mark.parametrize(
    ("address", "length", "transmit", "finding"),
    [
        (0x1000, 0x101, False, LedgerFinding.ACROSS_END),
        (0x10FF, 2, False, LedgerFinding.ACROSS_END),
        (0x1000, 0x100, True, LedgerFinding.WRONG_DIRECTION),
        (0x2000, 0x100, False, LedgerFinding.WRONG_DIRECTION),
        (0xFFF, 2, False, LedgerFinding.OUTSIDE),
        (0x9000, 60, True, LedgerFinding.OUTSIDE),
        (0x4000, 60, False, LedgerFinding.AFTER_FREE),
        (0x4010, 60, False, LedgerFinding.AFTER_FREE),
        (0x4010, 0x100, False, LedgerFinding.OUTSIDE),
    ],
)
def test_what_is_not_granted_has_a_name(
    bench: Bench, address: int, length: int, transmit: bool, finding: LedgerFinding
) -> None:
    bench.driver.grant(0x1000, 0x100, MAY_WRITE)
    bench.driver.grant(0x2000, 0x100, MAY_READ | STREAMING)
    bench.driver.grant(0x4000, 0x100)
    bench.driver.revoke(0x4000, 0x100)
    assert bench.touch(address, length, transmit=transmit) is finding
    (event,) = bench.events()
    assert (event.function, event.a, event.b, event.c, event.d) == (
        *(TraceEvent.LEDGER, finding | transmit << 8, address, length, 7),
    )


def test_two_grants_that_touch_are_not_one(bench: Bench) -> None:
    bench.driver.grant(0x1000, 0x100)
    bench.driver.grant(0x1100, 0x100)
    assert bench.touch(0x10F0, 0x20) is LedgerFinding.ACROSS_END


def test_a_grant_inside_a_larger_one_hides_nothing_of_it(bench: Bench) -> None:
    bench.driver.grant(0x1000, 0x1000, MAY_WRITE)
    bench.driver.grant(0x1100, 0x10, MAY_READ)
    assert bench.touch(0x1200, 0x100) is None
    assert bench.touch(0x1100, 0x10, transmit=True) is None
    assert bench.touch(0x1108, 0x10, transmit=True) is LedgerFinding.WRONG_DIRECTION


def test_a_range_that_is_granted_twice_is_revoked_twice(bench: Bench) -> None:
    for _ in range(2):
        bench.driver.grant(0x1000, 60, MAY_READ | STREAMING)
    bench.driver.revoke(0x1000, 60, MAY_READ | STREAMING)
    assert bench.touch(0x1000, 60, transmit=True) is None
    bench.driver.revoke(0x1000, 60, MAY_READ | STREAMING)
    assert bench.touch(0x1000, 60, transmit=True) is LedgerFinding.AFTER_FREE


@pytest.mark.parametrize(("late", "finding"), [(0x1000, LedgerFinding.BEFORE_GRANT), (0x2000, LedgerFinding.OUTSIDE)])
def test_the_next_grants_tell_whether_one_came_late(bench: Bench, late: int, finding: LedgerFinding) -> None:
    bench.driver.grant(0x8000, 60)
    assert bench.codes((0x1010, 60)) == [0]
    assert not bench.found()
    bench.records.write(kind=0)
    assert bench.ledger.due(time.monotonic()) is not None
    bench.driver.grant(late, 0x100, MAY_READ | STREAMING)
    bench.driver.revoke(late, 0x100, MAY_READ | STREAMING)
    assert bench.ledger.due(time.monotonic()) is None
    assert bench.found() == {finding: 1}


def test_a_held_touch_is_outside_after_a_while_and_the_card_wakes_for_it(bench: Bench) -> None:
    bench.codes((0x1000, 60))
    now = time.monotonic()
    due = bench.ledger.due(now)
    assert due is not None
    assert now < due <= now + HELD_SECONDS
    assert bench.ledger.due(due) is None
    assert bench.found() == {LedgerFinding.OUTSIDE: 1}


def test_a_reset_settles_what_is_held_and_forgets_what_was_revoked(bench: Bench) -> None:
    bench.driver.grant(0x1000, 60)
    bench.driver.revoke(0x1000, 60)
    bench.driver.grant(0x2000, 60)
    bench.codes((0x3000, 60))
    bench.ledger.reset()
    assert bench.found() == {LedgerFinding.OUTSIDE: 1}
    assert bench.touch(0x1000, 60) is LedgerFinding.OUTSIDE
    assert bench.touch(0x2000, 60) is None


def test_what_is_refused_already_is_not_looked_at(bench: Bench) -> None:
    assert bench.codes((ALL_ONES, 0xFFFF_FFFF), refused=Refusal.ADDRESS) == [Refusal.ADDRESS]
    assert bench.ledger.due(time.monotonic()) is None


# -- policies ---------------------------------------------------------------------------------------
def test_enforce_refuses_what_is_not_granted_and_nothing_else(bench: Bench) -> None:
    bench.ledger.set_policy("enforce")
    bench.driver.grant(0x1000, 0x100)
    assert bench.codes((0x1000, 60), (0x1000, 0x101), (0x5000, 60)) == [0, Refusal.LEDGER, Refusal.LEDGER]
    assert not bench.ledger.allows(Touch(0x5000, 60, 1, False), Grant.WRITE)
    assert bench.ledger.allows(Touch(0x1000, 0x100, 1, False), Grant.READ | Grant.WRITE)


def test_off_sees_nothing_and_does_not_ask_for_passing_grants(bench: Bench) -> None:
    bench.driver.grant(0x1000, 60)
    assert bench.records.word(GRANTS) == 1
    bench.ledger.set_policy("off")
    assert bench.records.word(GRANTS) == 0
    assert not bench.sees()
    assert bench.ledger.allows(Touch(0x5000, 60, 1, False), Grant.WRITE)
    assert bench.ledger.due(time.monotonic()) is None


def test_a_ledger_that_is_switched_on_late_waits_for_the_next_driver(bench: Bench) -> None:
    bench.ledger.set_policy("off")
    bench.driver.grant(0x1000, 60)
    bench.ledger.set_policy("enforce")
    assert bench.codes((0x2000, 60)) == [0]
    assert bench.ledger.blind == "not begun"
    Granting(bench.records)
    assert bench.codes((0x2000, 60)) == [Refusal.LEDGER]


def test_a_transfer_needs_the_grant_of_its_own(bench: Bench) -> None:
    touch = Touch(0x1000, 0x100, 1, False)
    bench.driver.grant(0x1000, 0x1000)
    bench.driver.grant(0x1000, 0x100, MAY_WRITE | STREAMING)
    assert bench.ledger.allows(touch, Grant.WRITE, streaming_only=True)
    assert not bench.found()
    bench.driver.revoke(0x1000, 0x100, MAY_WRITE | STREAMING)
    assert bench.ledger.allows(touch, Grant.WRITE, streaming_only=True)
    assert bench.found() == {LedgerFinding.AFTER_FREE: 1}


# -- guard bytes ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("guard", "damaged", "found"), [(64, 0, 1), (64, 7, 1), (64, 8, 0), (3, 2, 1), (3, 3, 0)])
def test_the_first_guard_bytes_are_looked_at_once(bench: Bench, guard: int, damaged: int, found: int) -> None:
    start, length = MEMORY_AT + 0x1001, 0x200
    behind = start + length - MEMORY_AT
    bench.bytes[behind : behind + 64] = GUARD
    bench.driver.grant(start, length, BOTH, guard)
    bench.codes((start + 5, 1), (start + 99, 1))
    bench.look_behind(3)
    assert not bench.found()
    bench.bytes[behind + damaged] ^= 1
    for _ in range(2):
        bench.codes((start + 5, 1), (start + 99, 1))
        bench.look_behind(3)
        bench.driver.grant(0x9000, 60)
    assert bench.found() == ({LedgerFinding.GUARD_CHANGED: 1} if found else {})
    assert [(event.a, event.b, event.c, event.d) for event in bench.events()] == [
        (LedgerFinding.GUARD_CHANGED, start, length, 3)
    ] * found


def test_guard_bytes_are_looked_at_in_every_region_and_never_outside(bench: Bench) -> None:
    low, high = np.full(0x1000, GUARD, np.uint8), np.full(0x1000, GUARD, np.uint8)
    bench.memory.add(0, low)
    bench.memory.add(1 << 33, high)
    for start in (0, 1 << 33):
        bench.driver.grant(start, 0x100, BOTH, 64)
        bench.driver.grant(start + 0xF00, 0x100, BOTH, 64)  # its guard bytes would be outside
    low[0x100] = high[0x107] = 0
    touched = [(0, 60), (0xF00, 60), (1 << 33, 60), ((1 << 33) + 0xF00, 60)]
    bench.codes(*touched)
    bench.look_behind(0)
    assert bench.found() == {LedgerFinding.GUARD_CHANGED: 2}
    bench.memory.clear()
    bench.codes(*touched)
    bench.look_behind(0)
    assert bench.found() == {LedgerFinding.GUARD_CHANGED: 2}


# -- against a reference ----------------------------------------------------------------------------
ADDRESSES, LENGTHS = st.integers(0, 24), st.integers(0, 8)
HOWS = st.sampled_from([MAY_READ, MAY_WRITE, BOTH, MAY_READ | STREAMING, BOTH | STREAMING])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), ADDRESSES, LENGTHS, HOWS),
        st.tuples(st.just("revoke"), ADDRESSES, LENGTHS, HOWS),
        st.tuples(st.just("touch"), ADDRESSES, st.integers(1, 10), st.sampled_from([MAY_READ, MAY_WRITE])),
    ),
    max_size=40,
)


class Reference:
    """The same rules on a list of intervals."""

    def __init__(self) -> None:
        self.granted: list[tuple[int, int, int]] = []
        self.revoked: list[tuple[int, int]] = []

    def grant(self, address: int, length: int, how: int) -> None:
        self.granted += [(address, length, how)] if length else []

    def revoke(self, address: int, length: int, how: int) -> None:
        if (address, length, how) in self.granted:
            self.granted.remove((address, length, how))
            if (address, length, how) not in self.granted:
                self.revoked.append((address, length))

    def touch(self, address: int, length: int, access: int) -> LedgerFinding | None:
        end = address + length
        around = [how for start, size, how in self.granted if start <= address and end <= start + size]
        if any(how & access for how in around):
            return None
        if around:
            return LedgerFinding.WRONG_DIRECTION
        if any(start <= address < start + size for start, size, _ in self.granted):
            return LedgerFinding.ACROSS_END
        if any(start <= address and end <= start + size for start, size in self.revoked):
            return LedgerFinding.AFTER_FREE
        return LedgerFinding.OUTSIDE


@given(STEPS)
def test_any_program_finds_what_a_list_of_intervals_finds(steps: list[tuple[str, int, int, int]]) -> None:
    bench, reference = Bench(), Reference()
    for name, address, length, how in steps:
        if name == "touch":
            found = bench.touch(address, length, transmit=how == MAY_READ)
            assert found is reference.touch(address, length, how)
        else:
            getattr(bench.driver, name)(address, length, how)
            getattr(reference, name)(address, length, how)
    bench.close()


@given(STEPS, st.lists(st.tuples(ADDRESSES, st.integers(1, 10)), min_size=1, max_size=40))
def test_a_batch_finds_what_its_touches_find_one_by_one(
    steps: list[tuple[str, int, int, int]], touches: list[tuple[int, int]]
) -> None:
    bench, reference = Bench("enforce"), Reference()
    for name, *fields in steps:
        if name != "touch":
            getattr(bench.driver, name)(*fields)
            getattr(reference, name)(*fields)
    wanted = [reference.touch(*touch, MAY_WRITE) for touch in touches]
    assert bench.codes(*touches) == [0 if finding is None else Refusal.LEDGER for finding in wanted]
    bench.ledger.due(time.monotonic() + HELD_SECONDS)
    assert bench.found() == Counter(finding for finding in wanted if finding)
    bench.close()


# -- records ----------------------------------------------------------------------------------------
def test_a_record_that_is_not_whole_is_taken_later_and_hides_none(bench: Bench) -> None:
    first = bench.records.begin()
    bench.driver.grant(0x2000, 60)
    assert bench.touch(0x2000, 60) is None
    assert bench.touch(0x1000, 60) is LedgerFinding.OUTSIDE
    bench.records.fill(Record(first, kind=datasheet.GRANT, a=0x1000, b=60, c=BOTH))
    assert bench.touch(0x1000, 60) is None
    assert bench.ledger.drained == 3


def test_grants_among_a_whole_ring_of_other_records_are_found(bench: Bench) -> None:
    assert bench.sees()
    for _ in range(3):
        numbers = np.arange(CAPACITY - 1, dtype=np.uint64) + bench.records.word(HEAD) + 1
        bench.rings[0].records["kind"] = 0
        bench.rings[0].records["sequence"][(numbers - 1) % CAPACITY] = numbers
        bench.records.set_word(HEAD, int(numbers[-1]))
        bench.driver.grant(0x1000, 60)
        assert bench.touch(0x1000, 60) is None
    assert bench.ledger.generation == 3


def blinded(bench: Bench) -> bool:
    """Whether the ledger is blind and judges nothing, until a driver begins again."""
    blind = bench.codes((0x5000, 60), (0x1000, 60)) == [0, 0] and not bench.found() and bool(bench.ledger.blind)
    Granting(bench.records).grant(0x1000, 60)
    assert bench.touch(0x1000, 60) is None
    assert bench.touch(0x5000, 60) is LedgerFinding.OUTSIDE
    return blind


def test_without_a_driver_it_is_blind() -> None:
    bench = Bench()
    bench.records.set_word(HEAD, 0)
    bench.ledger.set_policy("off")
    bench.ledger.set_policy("report")
    bench.driver.grant(0x1000, 60)
    assert blinded(bench)
    bench.close()


@pytest.mark.parametrize("head", [CAPACITY + 2, 0, 1 << 63, ALL_ONES])
def test_a_head_that_cannot_be_followed_blinds(bench: Bench, head: int) -> None:
    bench.driver.grant(0x1000, 60)
    assert bench.sees()
    bench.records.set_word(HEAD, head)
    assert bench.codes((0x5000, 60)) == [0]
    assert bench.ledger.blind == "lost"
    bench.records.set_word(HEAD, 1 << 40)
    bench.codes((0x5000, 60))
    assert blinded(bench)


def test_a_record_written_over_blinds(bench: Bench) -> None:
    number = bench.records.begin()
    bench.records.fill(Record(number + CAPACITY, kind=0))
    assert blinded(bench)


def test_too_many_records_that_are_not_whole_blind(bench: Bench) -> None:
    for _ in range(WAITING_MAX):
        bench.records.begin()
    assert bench.sees()
    bench.records.begin()
    assert blinded(bench)


def test_a_record_that_never_becomes_whole_blinds_when_the_ring_comes_round(bench: Bench) -> None:
    assert bench.sees()
    stuck = bench.records.begin()
    for head in (stuck + 1000, stuck + CAPACITY - 1, stuck + CAPACITY):
        numbers = np.arange(bench.records.word(HEAD) + 1, head + 1, dtype=np.uint64)
        slots = (numbers[numbers % CAPACITY != stuck % CAPACITY] - 1) % CAPACITY
        bench.rings[0].records["sequence"][slots] = numbers[numbers % CAPACITY != stuck % CAPACITY]
        bench.records.set_word(HEAD, head)
        assert bench.sees() == (head < stuck + CAPACITY)
    assert blinded(bench)


def test_more_grants_than_a_look_may_cost_blind(bench: Bench) -> None:
    assert bench.sees()
    numbers = np.arange(TAKEN_MAX + 1, dtype=np.uint64) + bench.records.word(HEAD) + 1
    taken = bench.rings[0].records[1 : TAKEN_MAX + 2]
    taken["sequence"], taken["kind"] = numbers, datasheet.GRANT
    bench.records.set_word(HEAD, int(numbers[-1]))
    assert blinded(bench)


def test_more_ranges_than_there_is_room_for_blind(bench: Bench) -> None:
    for number in range(RANGES_MAX):
        bench.driver.grant(0x10000 + number, 60)
    assert bench.sees()
    bench.driver.grant(1, 60)
    assert blinded(bench)


def test_a_driver_that_stops_recording_blinds(bench: Bench) -> None:
    bench.driver.grant(0x1000, 60)
    assert bench.sees()
    bench.records.set_word(DETAIL, 0)
    assert blinded(bench)


def test_touches_beyond_those_that_can_be_held_are_outside_at_once(bench: Bench) -> None:
    bench.codes(*[(0x1000, 60)] * (HELD_MAX + 5))
    assert bench.found() == {LedgerFinding.OUTSIDE: 5}
    bench.ledger.due(time.monotonic() + HELD_SECONDS)
    assert bench.found() == {LedgerFinding.OUTSIDE: HELD_MAX + 5}
    assert len(bench.events()) == 5 + TRACED_MAX


def test_only_the_last_revoked_ranges_are_remembered(bench: Bench) -> None:
    for number in range(REVOKED_MAX + 1):
        bench.driver.grant(number << 12, 60)
        bench.driver.revoke(number << 12, 60)
    assert bench.touch(0, 60) is LedgerFinding.OUTSIDE
    assert bench.touch(1 << 12, 60) is LedgerFinding.AFTER_FREE


FIELDS = st.one_of(st.integers(0, 64), st.integers(ALL_ONES - 64, ALL_ONES), st.integers(0, ALL_ONES))
HOSTILE = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(0, 5), FIELDS, FIELDS, FIELDS, FIELDS),
        st.tuples(st.just("begin")),
        st.tuples(st.just("head"), FIELDS),
        st.tuples(st.just("sequence"), st.integers(1, 40), FIELDS),
        st.tuples(st.just("detail"), FIELDS),
        st.tuples(st.just("touch"), FIELDS, st.integers(0, 0xFFFF_FFFF), st.booleans()),
    ),
    max_size=30,
)


@given(HOSTILE, st.sampled_from(["report", "enforce"]))
def test_a_hostile_ring_raises_nothing(steps: list[tuple[str, int]], policy: LedgerPolicy) -> None:
    bench = Bench(policy)
    for name, *fields in steps:
        if name == "record":
            bench.records.write(**dict(zip(("kind", "a", "b", "c", "d"), fields, strict=True)))
        elif name == "begin":
            bench.records.begin()
        elif name == "head":
            bench.records.set_word(HEAD, min(fields[0], ALL_ONES - 64))
        elif name == "sequence":
            bench.records.fill(Record(fields[1])._replace(sequence=fields[1] or 1))
            bench.rings[0].records["sequence"][fields[0]] = fields[1]
        elif name == "detail":
            bench.records.set_word(DETAIL, fields[0])
        else:
            bench.codes((fields[0], fields[1]), transmit=bool(fields[2]))
            bench.look_behind(0)
            bench.ledger.due(time.monotonic() + HELD_SECONDS)
    bench.close()
