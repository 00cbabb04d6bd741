# SPDX-License-Identifier: GPL-2.0-or-later
"""What people, and programs, read of a finding."""

from __future__ import annotations

import msgspec

from nicrig.text.packet_summary import summary
from nicrig.traffic.generator import mixed
from nicrig.witnesses.finding_text import milliseconds, report, to_json
from tests.controller.witnesses.stream import PHYSICAL, SHARED, Stream

OLD, NEW = mixed(4, seed=1)[2:]
TORN = NEW[:64] + OLD[64:128] + NEW[128:]


def torn(*, bytes_kept: bool = True) -> Stream:
    return Stream(bytes_kept=bytes_kept).setup().receives(OLD, 0).receives(NEW, 0, seen=TORN)


def test_a_report_has_the_frame_the_reason_the_views_the_lines_and_the_calls() -> None:
    lines = report(torn().only())
    assert lines[0] == f"first torn frame, on its way into the guest: {summary(NEW)}"
    assert lines[1].startswith("  ")
    assert "1 are from before" in lines[1]
    views = [line.split() for line in lines[2:5]]
    assert [view[0] for view in views] == ["wire", "device", "cpu"]
    assert views[1][-2:] == ["at", f"{PHYSICAL:#x}"]
    assert lines[5].split() == ["byte", "wire", "|", "device", "|", "cpu"]
    differing = [line for line in lines if line.endswith("<")]
    assert [line.split()[0] for line in differing] == [f"{at:04x}" for at in range(64, 128, 8)]
    assert f"  differ in 1 cache lines of 64 bytes: {PHYSICAL + 64:#x} (bytes 0x40-0x7f)" in lines
    story = [line for line in lines if line.startswith("  |")]
    names = [line.split("(")[0].split()[-1] for line in story[1:]]
    assert names[-4:] == ["card.write", "card.frame_in", "NdisFlushBuffer", "NdisMIndicateReceivePacket"]
    assert story[-1].endswith("<- cpu")
    assert story[-3].endswith("<- device")


def test_bytes_that_are_not_kept_are_not_shown() -> None:
    lines = report(torn(bytes_kept=False).only())
    assert any(line.split()[0] == "cpu" and line.endswith("(bytes not kept)") for line in lines)
    assert not any("cache lines" in line for line in lines)


def test_json_has_the_same() -> None:
    made = msgspec.json.decode(msgspec.json.encode(to_json(torn().only())))
    assert (made["word"], made["way"], made["frame"]) == ("torn", "in", summary(NEW))
    assert {name: view["bytes"] for name, view in made["views"].items()} == {
        "wire": NEW.hex(),
        "device": NEW.hex(),
        "cpu": TORN.hex(),
    }
    assert made["lines"] == [{"address": PHYSICAL + 64, "from": 64, "to": 128}]
    assert made["records"]


def test_the_times_of_guest_and_card_are_on_one_axis() -> None:
    built = Stream().add("NdisFlushBuffer", SHARED).add("card.doorbell").add("card.interrupt").add("MiniportISR")
    guest, doorbell, interrupt, service = built.events
    card = 500_000_000
    events = (
        guest._replace(time=1_000_000),
        doorbell._replace(time=card),
        interrupt._replace(time=card + 2_000_000),
        service._replace(time=4_000_000),
    )
    assert milliseconds(tuple(enumerate(events))) == [0, 0, 2, 3]
    assert milliseconds(tuple(enumerate(events[1:]))) == [0, 2, 2]
