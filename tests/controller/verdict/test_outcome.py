# SPDX-License-Identifier: GPL-2.0-or-later
import json
from dataclasses import replace

from crc32c import crc32c

from nicrig.errors import DeadlineError
from nicrig.text.packet_summary import summary
from nicrig.traffic.generator import mixed
from nicrig.verdict.outcome import EchoOutcome, LegOutcome
from nicrig.verdict.run_verdict import combine, judge
from nicrig.verifier.decoder import make_event
from nicrig.verifier.functions import Irql, Phase, RecordKind
from nicrig.verifier.rules import RULES
from nicrig.verifier.severity import Severity
from nicrig.verifier.verdict import Violation

FRAMES = mixed(50, seed=1, sizes=range(60, 1515))


def outcome(echoed: list[bytes]) -> EchoOutcome:
    judged = judge(FRAMES, echoed, cpu=len(FRAMES), counters={"refused_ring": 0})
    return EchoOutcome(judged, "bus-master", "tcg", {"setup": 0.1, "boot": 3.0, "traffic": 0.5})


def test_the_last_line_is_the_verdict() -> None:
    assert outcome(FRAMES).lines() == [
        "verdict: coherent: frames injected 50 cpu 50 echoed 50 lost 0 corrupted 0 "
        "(bus-master; tcg; setup 0.1s boot 3.0s traffic 0.5s)"
    ]


def test_the_verdict_names_the_timings_of_a_card_that_was_not_always_kind() -> None:
    (line,) = replace(outcome(FRAMES), timings=("kind", "unkind:1")).lines()
    assert "(bus-master; tcg; card kind then unkind:1; setup 0.1s" in line


def test_a_corrupted_frame_is_shown_byte_by_byte() -> None:
    damaged = FRAMES[0][:20] + bytes([FRAMES[0][20] ^ 0xFF]) + FRAMES[0][21:]
    lines = outcome([damaged, *FRAMES[1:]]).lines()
    assert lines[0].startswith("first corrupted frame, on its way into the guest and out again: Ether / ARP")
    assert any(f"[{damaged[20]:02x}]" in line and line.endswith("<") for line in lines)
    assert lines[-1].startswith("verdict: incoherent: ")


def test_a_broken_rule_is_shown_with_its_records_and_lost_records_are_counted() -> None:
    event = make_event(7, "NdisFreeMemory", RecordKind.CALL, Phase.HALT, Irql.PASSIVE, 0, 0, 5, 0x1000, 64, 0)
    rule = Violation("R41", RULES["R41"].severity, "0x1000 is freed twice", (event,))
    lost = "12 records of the flight recorder were lost"
    judged = replace(judge(FRAMES, FRAMES, cpu=len(FRAMES)), violations={"R41": 1}, unseen=lost)
    lines = EchoOutcome(judged, "bus-master", "tcg", {}, [rule]).lines()
    assert lines[0] == "R41 F: 0x1000 is freed twice"
    assert "NdisFreeMemory(address=0x1000, length=0x40, flags=0x0, beyond=0x0)" in lines[1]
    assert lines[2] == "violation R41: 1"
    assert lines[3].startswith("12 records of the flight recorder were lost")
    assert lines[4].startswith("verdict: incoherent")


def test_a_broken_rule_names_its_call_site_and_counts_the_others_there() -> None:
    event = make_event(7, "NdisFreeMemory", RecordKind.CALL, Phase.HALT, Irql.PASSIVE, 0, 0, 5, 0x1000, 64, 0)
    event = event._replace(site="miniport/halt.c:57")
    rule = Violation("R41", RULES["R41"].severity, "0x1000 is freed twice", (event,), more=2)
    made = EchoOutcome(judge(FRAMES, FRAMES, cpu=len(FRAMES)), "bus-master", "tcg", {}, [rule])
    lines = made.lines()
    assert lines[0] == "R41 F: 0x1000 is freed twice (at miniport/halt.c:57)"
    assert lines[1].endswith(" at miniport/halt.c:57")
    assert lines[2] == "  2 more of R41 at miniport/halt.c:57"
    named = {"rule": "R41", "severity": "F", "text": "0x1000 is freed twice", "site": "miniport/halt.c:57", "count": 3}
    assert json.loads(made.json())["broken"] == [named]


def test_advice_is_shown_and_leaves_the_run_coherent() -> None:
    event = make_event(7, "ExAllocatePool", RecordKind.CALL, Phase.INITIALIZE, Irql.PASSIVE, 0, 0, 5, 0, 64, 0, 0)
    rule = Violation("R47", Severity.NOTE, "64 bytes without a tag", (event,))
    judged = judge(FRAMES, FRAMES, cpu=len(FRAMES))
    made = EchoOutcome(judged, "bus-master", "tcg", {}, [rule], minor={"R47": 1})
    lines = made.lines()
    assert lines[0] == "R47 I: 64 bytes without a tag"
    assert lines[2] == "not counted, as --fail-on says: R47 1"
    assert lines[3].startswith("verdict: coherent")
    assert json.loads(made.json())["minor"] == {"R47": 1}


def test_lost_records_alone_make_the_verdict_unknown() -> None:
    judged = replace(judge(FRAMES, FRAMES, cpu=len(FRAMES)), unseen="12 records were lost")
    lines = EchoOutcome(judged, "bus-master", "tcg", {}).lines()
    assert lines[0] == "12 records were lost"
    assert lines[1].startswith("verdict: unknown: frames injected 50")


def test_a_driver_that_records_nothing_on_purpose_is_coherent_and_the_verdict_says_what_it_rests_on() -> None:
    judged = judge(FRAMES, FRAMES, cpu=len(FRAMES))
    lines = EchoOutcome(judged, "bus-master", "tcg", {}, recorded=False).lines()
    assert "recorder=0" in lines[0]
    assert "rests on the frames on the wire" in lines[0]
    assert lines[1].startswith("verdict: coherent")


def test_a_run_that_ended_early_shows_what_is_known_and_does_not_miss_the_rest() -> None:
    judged = replace(
        judge(FRAMES[:9], FRAMES[:9], cpu=9), injected=20, unseen="the run ended early", own=2, reordered=3
    )
    made = EchoOutcome(
        judged, "bus-master", "tcg", {}, console=["kernel-bug, the guest's kernel: BUG: x"], ended=DeadlineError("late")
    )
    assert made.lines() == [
        "kernel-bug, the guest's kernel: BUG: x",
        "the run ended early",
        "not counted: 3 frames that a queueing discipline of the guest reordered",
        "verdict: unknown: frames injected 20 cpu 9 echoed 9 lost 0 corrupted 0 own 2 (bus-master; tcg; )",
    ]
    assert json.loads(made.json())["ended"] == "late"
    known = replace(made, verdict=replace(judged, violations={"guest-hung": 1}))
    assert known.lines()[-1].startswith("verdict: incoherent")


LOST = {
    "word": "lost",
    "why": "the wire into the guest had the frame, the wire out of it never did",
    "way": "echo",
    "views": {
        "injected": {
            "length": len(FRAMES[-1]),
            "crc32c": crc32c(FRAMES[-1]),
            "address": 0,
            "bytes": FRAMES[-1].hex(),
        }
    },
    "line": 64,
    "lines": [],
    "records": [],
}


def test_frames_that_the_card_dropped_by_contract_have_their_own_line_and_may_be_expected() -> None:
    judged = replace(judge(FRAMES, FRAMES, cpu=len(FRAMES)), counts={"rx_no_buffer": 3})
    made = EchoOutcome(judged, "bus-master", "tcg", {})
    assert "dropped by contract: rx_no_buffer 3; if you expect that, give --expect-drops" in made.lines()
    assert not made.verdict.coherent
    expected = made.with_drops_expected()
    assert "dropped by contract: rx_no_buffer 3" in expected.lines()
    assert expected.verdict.coherent
    assert json.loads(expected.json())["dropped_by_contract"] == {"rx_no_buffer": 3}


def test_json_is_one_object_with_the_same() -> None:
    text = outcome(FRAMES[:-1]).json()
    assert "\n" not in text
    assert json.loads(text) == {
        "verdict": "incoherent",
        "unseen": "",
        "kind": "bus-master",
        "accelerator": "tcg",
        "card_timing": ["kind"],
        "frames": {"injected": 50, "cpu": 50, "echoed": 49, "lost": 1, "corrupted": 0},
        "witnesses": [{**LOST, "frame": summary(FRAMES[-1])}],
        "dropped_by_contract": {},
        "violations": [],
        "broken": [],
        "minor": {},
        "console": [],
        "ended": None,
        "reordered_by_guest": 0,
        "seconds": {"setup": 0.1, "boot": 3.0, "traffic": 0.5},
        "legs": [],
    }


def test_each_leg_has_a_line_and_its_own_verdict() -> None:
    good, bad = judge(FRAMES, FRAMES, cpu=50), replace(judge(FRAMES[:9], FRAMES[:8], cpu=9), violations={"R98": 2})
    legs = [LegOutcome("one", good, 1.5), LegOutcome("two", bad, 2.0)]
    made = EchoOutcome(combine([good, bad]), "bus-master", "tcg", {}, legs=legs)
    assert made.lines()[-3:] == [
        "leg one: coherent: frames injected 50 cpu 50 echoed 50 lost 0 corrupted 0 (1.5s)",
        "leg two: incoherent: frames injected 9 cpu 9 echoed 8 lost 1 corrupted 0 (2.0s; found R98 2, lost 1)",
        "verdict: incoherent: frames injected 59 cpu 59 echoed 58 lost 1 corrupted 0 (bus-master; tcg; )",
    ]
    assert [(leg["name"], leg["verdict"]) for leg in json.loads(made.json())["legs"]] == [
        ("one", "coherent"),
        ("two", "incoherent"),
    ]
