# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's answers at one moment, and the rates between two such moments."""

from __future__ import annotations

import time

import msgspec

from nicrig.card.monitor import card_state, counters
from nicrig.process.qmp import Qmp
from nicrig.text.printable import printable
from nicrig_interface.answers import LedgerState, RingState


class Snapshot(msgspec.Struct, frozen=True):
    """The card's answers, and their time, in seconds of this machine's monotonic clock."""

    when: float
    card: dict[str, object]
    rings: list[RingState]
    counters: dict[str, int]
    ledger: dict[str, object]


class Rates(msgspec.Struct, frozen=True):
    """Events per second. `dropped` counts the frames of both directions."""

    rx_frames: float
    rx_bits: float
    tx_frames: float
    tx_bits: float
    dropped: float
    interrupts: float


async def take(monitor: Qmp) -> Snapshot:
    """Query the card. Raises ConnectionLostError when it ends, RigError for an answer that makes no sense."""
    return Snapshot(
        when=time.monotonic(),
        card=_printable(await card_state(monitor)),
        rings=await monitor.ask("query-rings", list[RingState]),
        counters=await counters(monitor),
        ledger=_printable(await monitor.ask("query-ledger", LedgerState)),
    )


def _printable(answer: msgspec.Struct) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(answer)
    return {key: printable(value) if isinstance(value, str) else value for key, value in fields.items()}


def rates(before: Snapshot, after: Snapshot) -> Rates:
    """The rates between two snapshots."""
    seconds = max(after.when - before.when, 1e-9)

    def grown(name: str) -> float:
        return (after.counters[name] - before.counters[name]) / seconds

    return Rates(
        rx_frames=grown("rx_frames"),
        rx_bits=grown("rx_bytes") * 8,
        tx_frames=grown("tx_frames"),
        tx_bits=grown("tx_bytes") * 8,
        dropped=sum(map(grown, drops(after.counters))),
        interrupts=grown("interrupts"),
    )


def drops(counters: dict[str, int], prefix: str = "") -> list[str]:
    """The names of the counters of dropped frames. `prefix` is "rx_", "tx_", or empty for both."""
    prefixes = (prefix,) if prefix else ("rx_", "tx_")
    return [name for name in counters if name.startswith(prefixes) and not name.endswith(("_frames", "_bytes"))]
