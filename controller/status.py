# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nicrig status` tells of the rigs that stay."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from controller.errors import RigError
from controller.keeper import Description, description
from controller.monitor import card_monitor
from controller.place import Place, names, place_named


class State(msgspec.Struct, frozen=True):
    """One rig: `card` and `counters` as its monitor tells them, `problem` why it does not."""

    name: str
    folder: str
    kept: Description | None
    card: dict[str, Any] | None = None
    counters: dict[str, int] | None = None
    problem: str | None = None


async def look(places: Sequence[Place] | None) -> list[State]:
    """The states of these, or of all that have a name."""
    found = [place_named(name) for name in names()] if places is None else places
    return [await _state(place) for place in found]


async def _state(place: Place) -> State:
    kept = description(place)
    try:
        async with card_monitor(place) as monitor:
            card = await monitor.execute("query-card")
            counters = await monitor.execute("query-counters")
    except RigError as error:
        return State(place.folder.name, str(place.folder), kept, problem=str(error))
    return State(place.folder.name, str(place.folder), kept, card, counters)


def show(states: Iterable[State], *, json: bool) -> list[str]:
    """Lines to print."""
    return [msgspec.json.encode(list(states)).decode()] if json else [_line(state) for state in states]


def _line(state: State) -> str:
    if state.card is None or state.counters is None:
        return f"{state.name}: dead: {state.problem}"
    kept, card, counters = state.kept, state.card, state.counters
    guest = f"{_guest(kept)} ({kept.accelerator})" if kept and kept.accelerator else "card alone"
    age = f", {time.time() - kept.started:.0f} s old" if kept else ""
    link = "up" if card["link"] else "down"
    frames = f"{counters['rx_frames']} frames in, {counters['tx_frames']} out"
    return f"{state.name}: {card['kind']}, {guest}, link {link}, {frames}{age}, {state.folder}"


def _guest(kept: Description) -> str:
    return f"guest's {kept.interface}" if kept.interface else "a guest"
