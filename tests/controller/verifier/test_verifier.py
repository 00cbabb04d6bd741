# SPDX-License-Identifier: GPL-2.0-or-later
"""The verifier itself: counts, bounds, losses; no stream makes it fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig.verifier.constants import BUS_MASTER, BUS_PCI, CONTIGUOUS
from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import CARD_EVENTS, Event
from nicrig.verifier.functions import FUNCTIONS, Detail, Phase, RecordKind
from nicrig.verifier.severity import Severity
from nicrig.verifier.verdict import KEPT, minor_line
from nicrig.verifier.verifier import Verifier
from tests.controller.verifier.drivers import KINDS, BusMaster, Miniport
from tests.controller.verifier.script import MEMORY, OBJECTS, PHYSICAL, SHARED, TAG, Script, fires, silent

# Few values, so that random calls meet the same objects; and any value at all.
WORDS = st.sampled_from([0, 1, 2, 60, 0x800, 0x1000, MEMORY, SHARED, PHYSICAL, OBJECTS, OBJECTS + 0x100]) | st.integers(
    0, 2**64 - 1
)
RESULTS = st.sampled_from([0, 0x103, 0xC0000001, 0xC000009A]) | WORDS
NAMES = st.sampled_from([each.name for each in FUNCTIONS] + list(CARD_EVENTS))
EVENTS = st.builds(
    Event,
    sequence=st.integers(0, 2**64 - 1),
    function=NAMES,
    kind=st.integers(0, 2),
    phase=st.integers(0, 255),
    irql=st.integers(0, 255),
    locks=st.integers(0, 255),
    cpu=st.integers(0, 2**16 - 1),
    time=st.integers(0, 2**64 - 1),
    a=WORDS,
    b=WORDS,
    c=WORDS,
    d=WORDS,
    result=RESULTS,
).map(lambda event: make_event(*event))


def numbered(events: list[Event]) -> list[Event]:
    """The same events without losses, so that the model stays certain."""
    return [event._replace(sequence=number) for number, event in enumerate(events, 1)]


def judge(events: list[Event], detail: Detail = Detail.FRAMES) -> Verifier:
    verifier = Verifier(detail)
    verifier.feed(events)
    return verifier


@given(st.lists(EVENTS, max_size=60), st.booleans(), st.sampled_from(list(Detail)))
def test_no_stream_upsets_the_judge(events: list[Event], whole: bool, detail: Detail) -> None:
    verifier = judge(numbered(events) if whole else events, detail)
    verifier.finish()
    assert verifier.verdict.events == len(events)
    assert sum(verifier.verdict.counts.values()) >= len(verifier.violations)


def damaged(driver: Miniport, places: list[int], event: Event) -> list[Event]:
    """A real stream in which a hostile guest repeated an event several times."""
    events = list(driver.events)
    for place in places:
        events.insert(place % len(events), event)
    drivers = iter(range(1, len(events) + 1))
    return [each if each.function in CARD_EVENTS else each._replace(sequence=next(drivers)) for each in events]


@given(st.sampled_from(sorted(KINDS)), st.lists(st.integers(0, 10**6), min_size=1, max_size=4), EVENTS)
def test_no_event_in_a_real_stream_upsets_the_judge(kind: str, places: list[int], event: Event) -> None:
    driver: Miniport = KINDS[kind]()
    driver.life(2)
    events = damaged(driver, places, event)
    assert judge(events).verdict.events == len(events)


@given(st.sampled_from(sorted(KINDS)), st.lists(st.integers(0, 10**6), max_size=4), EVENTS, st.integers(1, 50))
def test_batches_do_not_change_the_verdict(kind: str, places: list[int], event: Event, size: int) -> None:
    driver: Miniport = KINDS[kind]()
    driver.life(2)
    events = damaged(driver, places, event)
    once, parts = judge(events), Verifier()
    for first in range(0, len(events), size):
        parts.feed(iter(events[first : first + size]))
    assert parts.verdict == once.verdict
    assert parts.violations == once.violations


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_any_loss_in_a_clean_stream_reports_nothing(kind: str, told: bool) -> None:
    driver: Miniport = KINDS[kind]()
    driver.life(2)
    driver.unload()
    for first in range(len(driver.events)):
        for count in (1, 7, 100):
            before, gone, after = (driver.events[part] for part in _parts(first, count))
            lost = sum(event.function not in CARD_EVENTS for event in gone)
            cards = len(gone) - lost
            if not told and (cards or (after and after[0].function in CARD_EVENTS)):
                continue  # the gap shows only at the next record of the driver
            verifier = judge(before)
            if told:
                verifier.lost(lost, cards)
            verifier.feed(after)
            assert [str(each) for each in verifier.violations] == [], (first, count)
            assert verifier.verdict.lost == (len(gone) if told or after else 0)


def _parts(first: int, count: int) -> tuple[slice, slice, slice]:
    return slice(first), slice(first, first + count), slice(first + count, None)


def test_a_gap_is_counted() -> None:
    script = Script().running().lose(5).enter("MiniportReset").leave("MiniportReset")
    verdict = script.judge().verdict
    assert (verdict.events, verdict.lost, verdict.broken, verdict.clean) == (7, 5, {}, False)


@pytest.mark.parametrize("step", [-3, -1, 0, 1, 1 << 62])
def test_a_gap_behind_the_last_record_is_counted_and_so_is_a_step_back(step: int) -> None:
    script = Script().running()
    verifier = script.judge()
    verifier.reached(script.last.sequence + 1 + step)
    assert verifier.verdict.lost == abs(step)
    assert verifier.verdict.clean == (step == 0)


def test_a_stream_without_the_driver_is_not_clean() -> None:
    assert not Verifier().verdict.clean


def test_a_reported_loss_is_counted_once() -> None:
    script = Script().running()
    verifier = script.judge()
    verifier.lost(5)
    verifier.feed([script.lose(5).enter("MiniportReset").last])
    assert verifier.verdict.lost == 5


def test_a_stream_that_begins_late_has_lost_its_beginning() -> None:
    script = Script().lose(10)
    script.free(0x9000)
    verifier = script.judge()
    assert (verifier.verdict.lost, verifier.violations) == (10, [])


def test_after_a_loss_what_is_made_is_judged_in_full() -> None:
    script = Script().ready().lose(3)
    memory = script.memory()
    script.free(memory).free(memory)
    assert list(script.judge().verdict.counts) == ["R41"]


def test_after_the_next_initialize_everything_is_known_again() -> None:
    script = Script().running().lose(3).halting().returned().ready().free(0xFFFF888012345000)
    assert list(script.judge().verdict.counts) == ["R41"]


def test_the_first_violations_of_a_rule_are_kept_and_the_rest_is_counted() -> None:
    script = Script().running()
    for _ in range(KEPT + 50):
        script.call("NdisStallExecution", microseconds=1000)
    verifier = script.judge()
    assert verifier.verdict.counts == {"R132": KEPT + 50}
    assert len(verifier.violations) == KEPT


def test_violations_are_grouped_by_call_site_and_each_site_keeps_its_first() -> None:
    script = Script().running()
    for _ in range(KEPT + 52):
        script.call("NdisStallExecution", microseconds=1000)
    events = [*script.events]
    sites = ["send.c:1", "send.c:2"] * 2 + ["send.c:1"] * (KEPT + 40) + ["halt.c:9"] * 8
    first = len(events) - len(sites)
    verifier = judge(
        [event._replace(site=sites[place - first] if place >= first else "") for place, event in enumerate(events)]
    )
    groups = [(each.rule, each.site, each.more + 1) for each in verifier.firsts]
    assert groups == [("R132", "send.c:1", KEPT + 42), ("R132", "send.c:2", 2), ("R132", "halt.c:9", 8)]
    assert len(verifier.violations) == KEPT + 1
    assert str(verifier.firsts[2]) == "R132 W: NdisStallExecution of 1000 us, over 50 us (at halt.c:9)"


def test_call_sites_without_end_are_kept_no_further() -> None:
    script = Script().running()
    for _ in range(3 * KEPT):
        script.call("NdisStallExecution", microseconds=1000)
    verifier = judge([event._replace(site=f"send.c:{place}") for place, event in enumerate(script.events)])
    assert (verifier.verdict.counts["R132"], len(verifier.firsts), len(verifier.violations)) == (3 * KEPT, KEPT, KEPT)


def test_the_call_site_of_a_violation_is_the_last_that_its_events_have() -> None:
    script = Script().running().call("NdisStallExecution", microseconds=51)
    (found,) = judge(script.events).violations
    (stall,) = found.evidence
    card = make_event(1, "card.reset", RecordKind.CALL, 0, 0, 0, 0, 0)
    assert found.site == ""
    assert replace(found, evidence=(stall._replace(site="a.c:1"), stall._replace(site="b.c:2"), card)).site == "b.c:2"


def test_a_note_does_not_spoil_a_clean_verdict() -> None:
    script = Script().ready().no_shared(0x4000).call("NdisWriteErrorLogEntry")
    script.free(script.context)
    verdict = script.fail().judge().verdict
    assert (dict(verdict.counts), verdict.worst, verdict.clean) == ({"R24": 1}, Severity.NOTE, True)


@pytest.mark.parametrize("fail_on", Severity)
def test_a_violation_spoils_a_verdict_that_fails_on_its_severity(fail_on: Severity) -> None:
    verifier = Verifier(fail_on=fail_on)
    verifier.feed(Script().running().call("NdisStallExecution", microseconds=1000).events)  # R132 W
    spoils = fail_on in (Severity.WARNING, Severity.NOTE)
    verdict = verifier.verdict
    assert verdict.counts == {"R132": 1}
    assert (verdict.broken, verdict.minor) == (({"R132": 1}, {}) if spoils else ({}, {"R132": 1}))
    assert verdict.clean is not spoils
    assert minor_line(verdict.minor) == ("" if spoils else "not counted, as --fail-on says: R132 1")


def test_a_rule_with_two_severities_counts_with_the_one_that_it_was_broken_with() -> None:
    script = Script().ready()
    script.flagged(0x100, 0)
    script.memory(tag=0)
    verifier = Verifier(fail_on=Severity.WARNING)
    verifier.feed(script.events)
    assert (verifier.verdict.broken, verifier.verdict.minor) == ({"R47": 1}, {"R47": 1})


def test_a_violation_reads_as_one_line() -> None:
    script = Script().running().call("NdisStallExecution", microseconds=51)
    assert str(script.judge().violations[0]) == "R132 W: NdisStallExecution of 51 us, over 50 us"


def test_calls_of_the_protocol_are_not_judged() -> None:
    script = Script().running()
    with script.at(phase=Phase.PROTOCOL, locks=1):
        script.free(0x9000).call("NdisStallExecution", microseconds=1000)
    silent(script)


def test_plain_memory_of_the_protocol_is_judged_without_advice() -> None:
    script = Script().running()
    with script.at(phase=Phase.PROTOCOL):
        block = script.flagged(64, 0)
        script.free(block, 64)
    silent(script)
    with script.at(phase=Phase.PROTOCOL):
        script.free(block, 64)
    violation = fires(script, "R41")
    assert violation.text.startswith("the protocol: ")


def test_the_protocol_may_set_no_flag() -> None:
    script = Script().running()
    with script.at(0, phase=Phase.PROTOCOL):
        script.flagged(64, CONTIGUOUS)
    fires(script, "R06")


def test_a_store_behind_the_protocols_block_is_found() -> None:
    script = Script().running()
    with script.at(phase=Phase.PROTOCOL):
        block = script.flagged(0x1000, 0)
        script.call("NdisFreeMemory", address=block, length=0x1000, beyond=1)
    fires(script, "R45")


def test_what_the_protocol_has_is_not_left_by_the_miniport_and_not_the_miniports_to_free() -> None:
    script = Script().running()
    with script.at(phase=Phase.PROTOCOL):
        block = script.flagged(64, 0)
    silent(script.halting().halted())
    script = Script().running()
    with script.at(phase=Phase.PROTOCOL):
        block = script.flagged(64, 0)
    fires(script.free(block), "R41")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_followed_does_not_grow_with_the_stream(kind: str) -> None:
    driver: Miniport = KINDS[kind]()
    driver.initialize()
    driver.traffic(4)
    verifier = Verifier()
    fed = 0
    sizes = []
    for rounds in (1, 10):
        for _ in range(rounds):
            driver.traffic(4)
        verifier.feed(driver.events[fed:])
        fed = len(driver.events)
        sizes.append(verifier.live)
    assert sizes[0] == sizes[1] > 10


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nothing_is_followed_after_the_unload(kind: str) -> None:
    driver: Miniport = KINDS[kind]()
    driver.life()
    driver.unload()
    assert driver.judge().live == 0


def test_a_guest_that_allocates_for_ever_is_followed_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nicrig.verifier.model.world.LIMIT", 100)
    script = Script().ready()
    blocks = [script.memory() for _ in range(300)]
    for block in blocks:
        script.free(block)
    verifier = script.judge()
    assert verifier.violations == []
    script.call("NdisAllocateMemoryWithTag", address=MEMORY, length=64, tag=TAG)
    assert script.judge().live < 110


def test_a_real_life_has_all_the_events_of_a_frame() -> None:
    driver = BusMaster()
    driver.life()
    seen = {event.function for event in driver.events}
    assert {"card.read", "card.write", "card.doorbell", "MiniportReturnPacket", "NdisMUpdateSharedMemory"} <= seen


def test_a_release_that_the_layer_refuses_changes_nothing() -> None:
    script = Script().ready()
    block, memory = script.shared(), script.flagged(0x2000, CONTIGUOUS)
    asked = {"length": 0x400, "cached": 1, "address": block.address, "physical": block.physical}
    script.call("NdisMFreeSharedMemory", **asked).free(memory, 0x1000, CONTIGUOUS)
    script.free_shared(block).free(memory, 0x2000, CONTIGUOUS)
    assert script.judge().verdict.counts == {"R43": 1, "R40": 1}


def test_static_memory_of_the_driver_is_live() -> None:
    static = 0xFFFFFFFFC03CF1F8
    script = Script().begin().call("NdisMSetAttributesEx", context=static, flags=BUS_MASTER, bus=BUS_PCI)
    script.buffer(script.buffer_pool(), static, 64)
    silent(script)


def test_each_wrong_unit_of_one_start_is_reported_once() -> None:
    script = Script().running()
    for physical in (0x80000, 0x81000):
        unit = {"buffer": 0x9000, "index_write": 1, "physical": physical, "length": 0x1000}
        script.call("NdisMStartBufferPhysicalMapping", 2, **unit)
    assert script.judge().verdict.counts["R92"] == 1
