# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nicrig status` shows: the state of the rigs that keep running."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from nicrig.card.monitor import card_monitor, card_state, counters
from nicrig.errors import RigError
from nicrig.rundir.ownership import NoRigError, own_rig
from nicrig.rundir.paths import RigPaths, names, paths_named
from nicrig.session.daemon import Description, description
from nicrig.text.printable import printable


class RigState(msgspec.Struct, frozen=True):
    """One rig. `card` and `counters` come from its monitor; `problem` says why the monitor does not answer.

    `state`: a rig is silent when its process runs and its card does not answer. One that starts has no problem.
    """

    name: str
    folder: str
    state: Literal["running", "starting", "silent", "dead"]
    daemon: Description | None
    card: dict[str, Any] | None = None
    counters: dict[str, int] | None = None
    problem: str | None = None


async def look(paths: Sequence[RigPaths] | None) -> list[RigState]:
    """The states of these rigs, or of all rigs that have a name."""
    found = [paths_named(name) for name in names()] if paths is None else paths
    return [await _state(each) for each in found]


async def _state(paths: RigPaths) -> RigState:
    daemon, lives = description(paths), _lives(paths)
    starts = lives and daemon is None
    rig = RigState(paths.folder.name, str(paths.folder), "starting" if starts else "running", daemon)
    try:
        async with card_monitor(paths) as monitor:
            card, counted = await card_state(monitor), await counters(monitor)
    except RigError as error:
        return rig if starts else replace(rig, state="silent" if lives else "dead", problem=str(error))
    return replace(rig, card=msgspec.to_builtins(card), counters=counted)


def _lives(paths: RigPaths) -> bool:
    """Whether the process that serves the rig runs. A card that was started by itself is no rig."""
    try:
        with own_rig(paths) as rig:
            return rig.alive
    except NoRigError:
        return False


def show(states: Iterable[RigState], *, json: bool) -> list[str]:
    """Lines to print."""
    return [msgspec.json.encode(list(states)).decode()] if json else [printable(_line(state)) for state in states]


def _line(state: RigState) -> str:
    if state.state == "starting":
        return f"{state.name}: starting, {state.folder}"
    if state.card is None or state.counters is None:
        return f"{state.name}: {state.state}: {state.problem}"
    daemon, card, counted = state.daemon, state.card, state.counters
    guest = f"{_guest(daemon)} ({daemon.accelerator})" if daemon and daemon.accelerator else "card alone"
    age = f", {time.time() - daemon.started:.0f} s old" if daemon else ""
    link = "up" if card["link"] else "down"
    frames = f"{counted['rx_frames']} frames in, {counted['tx_frames']} out"
    return f"{state.name}: {card['kind']}, {guest}, link {link}, {frames}{age}, {state.folder}"


def _guest(daemon: Description) -> str:
    return f"guest's {daemon.interface}" if daemon.interface else "a guest"
