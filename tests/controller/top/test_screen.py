# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from nicrig.top.screen import View, draw
from nicrig.top.snapshot import Rates, Snapshot
from nicrig_interface.answers import RingState

CARD = {"kind": "bus-master", "mac": "52:54:00:00:00:01", "link": True, "receiving": True, "client": True}
LEDGER = {"policy": "report", "blind": None, "ranges": 3, "bytes": 4096, "findings": {"ledger_stray": 0}}
COUNTERS = {
    **{"rx_frames": 12345, "rx_bytes": 1_000_000, "rx_no_buffer": 0},
    **{"tx_frames": 7, "tx_bytes": 700, "tx_no_peer": 0},
    **{"interrupts": 99, "kicks": 4, "resets": 1, "refused_length": 0},
}
RINGS = [RingState("rx", 0, True, 0, 1024, 65530, 100, 106), RingState("tx", 0, False, 0, 0, 0, 0, 0)]


def shown(**changed: Any) -> str:
    """The screen as text, for a healthy card with these differences."""
    healthy: dict[str, Any] = {"card": CARD, "rings": RINGS, "counters": COUNTERS, "ledger": LEDGER}
    snapshot = Snapshot(0.0, **{name: changed.pop(name, value) for name, value in healthy.items()})
    view: dict[str, Any] = {"detail": "frames", "records": 500, "lost": 0, "counts": {}, "violations": []} | changed
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(draw(View(snapshot, Rates(1000.0, 8e6, 0.5, 4000.0, 0.0, 50.0), **view)))
    return captured.get()


def test_the_screen_shows_rates_rings_interrupts_ledger_and_rules() -> None:
    lines = shown().splitlines()
    assert lines[0] == "bus-master  52:54:00:00:00:01  link up  receiving  QEMU connected"
    cells = [line.split() for line in lines]
    assert ["receive", "1k", "8M", "12345", "1M", "0"] in cells
    assert ["transmit", "0.5", "4k", "7", "700", "0"] in cells
    assert ["rx", "0", "1024", "65530", "100", "106"] in [line[:6] for line in cells]
    assert ["tx", "0", "off"] in cells
    assert "interrupts 50/s, 99 in all   kicks 4   resets 1   refused 0" in lines
    assert "ledger report: 3 ranges, 4096 bytes granted" in lines
    assert lines[-1] == "rules: 500 records at detail frames: none broken"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"card": CARD | {"link": False}}, "link down"),
        ({"card": CARD | {"client": False}}, "no QEMU"),
        ({"card": CARD | {"receiving": False}}, "not receiving"),
        ({"ledger": LEDGER | {"blind": "the driver grants nothing"}}, "granted; blind: the driver grants nothing"),
        ({"ledger": LEDGER | {"findings": {"stray": 3}}}, "granted  stray 3"),
        ({"counters": COUNTERS | {"refused_length": 2}}, "refused 2"),
        ({"records": 0, "detail": "off"}, "nothing to judge (the driver records off)"),
        ({"lost": 7}, "500 records at detail frames, 7 lost: none broken"),
        ({"counts": {"R01": 2}, "violations": ["R01 E: too early"]}, "R01 2 times\n  R01 E: too early\n"),
    ],
)
def test_a_problem_is_shown(changed: dict[str, Any], text: str) -> None:
    assert text in shown(**changed)


def test_text_is_never_taken_for_markup() -> None:
    assert "[red]x[/red]" in shown(counts={"R01": 1}, violations=["[red]x[/red]"])
