# SPDX-License-Identifier: GPL-2.0-or-later
"""The screen of `nicrig top`. Pure: a View in, what rich draws out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nicrig.text.units import number
from nicrig.top.snapshot import Rates, Snapshot, drops
from nicrig_interface.answers import RingState

BAR = 24


class View(msgspec.Struct, frozen=True):
    """The card at one moment. `counts` has the violations by rule, `violations` the newest ones as text."""

    snapshot: Snapshot
    rates: Rates
    detail: str
    records: int
    lost: int
    counts: dict[str, int]
    violations: list[str]


def draw(view: View) -> RenderableType:
    """The whole screen."""
    now = view.snapshot
    parts: list[RenderableType] = [_head(now), Text(), _traffic(view), Text(), _rings(now.rings), Text()]
    return Group(*parts, _events(view), _ledger(now.ledger), *_judged(view))


def _head(now: Snapshot) -> Text:
    card = now.card
    link = ("link up", "green") if card["link"] else ("link down", "bold red")
    client = ("QEMU connected", "green") if card["client"] else ("no QEMU", "yellow")
    receiving = "receiving" if card["receiving"] else "not receiving"
    fields = [(f"{card['kind']}", "bold"), (f"{card['mac']}", ""), link, (receiving, ""), client]
    return Text("  ").join([Text(text, style) for text, style in fields])


def _traffic(view: View) -> Table:
    counters, rates = view.snapshot.counters, view.rates
    table = _table("", "frames/s", "bit/s", "frames", "bytes", "dropped")
    for name, prefix, frames, bits in (
        ("receive", "rx_", rates.rx_frames, rates.rx_bits),
        ("transmit", "tx_", rates.tx_frames, rates.tx_bits),
    ):
        dropped = sum(counters[each] for each in drops(counters, prefix))
        table.add_row(
            *(name, number(frames), number(bits), str(counters[f"{prefix}frames"]), number(counters[f"{prefix}bytes"])),
            Text(str(dropped), "bold red" if dropped else ""),
        )
    return table


def _rings(rings: Sequence[RingState]) -> Table:
    table = _table("ring", "size", "head", "tail", "posted", "")
    for ring in rings:
        name = f"{ring.name} {ring.queue}"
        if ring.enabled:
            bar = ProgressBar(total=max(ring.size, 1), completed=ring.posted, width=BAR)
            table.add_row(name, str(ring.size), str(ring.head), str(ring.tail), str(ring.posted), bar)
        else:
            table.add_row(name, Text("off", "yellow"), "", "", "", "")
    return table


def _events(view: View) -> Text:
    counters = view.snapshot.counters
    refused = sum(count for name, count in counters.items() if name.startswith("refused_"))
    text = (
        f"interrupts {number(view.rates.interrupts)}/s, {counters['interrupts']} in all   kicks {counters['kicks']}   "
    )
    return Text.assemble(f"{text}resets {counters['resets']}   ", (f"refused {refused}", "bold red" if refused else ""))


def _ledger(ledger: dict[str, object]) -> Text:
    found = {name: count for name, count in _findings(ledger).items() if count}
    line = Text(f"ledger {ledger['policy']}: {ledger['ranges']} ranges, {ledger['bytes']} bytes granted")
    if ledger["policy"] != "off" and ledger["blind"]:
        line.append(f"; blind: {ledger['blind']}", "yellow")
    for name, count in found.items():
        line.append(f"  {name} {count}", "bold red")
    return line


def _findings(ledger: dict[str, object]) -> dict[str, int]:
    return msgspec.convert(ledger["findings"], dict[str, int])


def _judged(view: View) -> list[Text]:
    """The broken rules with their counts, and the newest violations."""
    if not view.records:
        return [Text(f"rules: nothing to judge (the driver records {view.detail})")]
    head = Text(f"rules: {view.records} records at detail {view.detail}")
    if view.lost:
        head.append(f", {view.lost} lost", "yellow")
    broken = ", ".join(f"{rule} {count} times" for rule, count in view.counts.items())
    head.append(f": {broken}" if broken else ": none broken", "bold red" if broken else "green")
    return [head, *(Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in view.violations)]


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for index, name in enumerate(names):
        table.add_column(name, justify="right" if index and name else "left")
    return table
