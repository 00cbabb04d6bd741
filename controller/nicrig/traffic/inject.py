# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig inject`: sends the frames of a scapy expression to a running card."""

from itertools import chain, repeat

from nicrig.card.monitor import card_monitor, card_state
from nicrig.rundir.paths import RigPaths
from nicrig.traffic.expression import frames_of
from nicrig.traffic.sending import Sent, at_once, at_rate, send_to


async def inject(paths: RigPaths, expression: str, *, count: int, rate: float | None, python: bool = False) -> Sent:
    """Send the frames of the expression `count` times, at `rate` frames per second or as fast as the card takes them.

    `python` allows all of Python in it. Raises UsageError when the expression makes no packet, RigError when no card
    runs at `paths`.
    """
    async with card_monitor(paths) as monitor:
        station = (await card_state(monitor)).mac
    frames = frames_of(expression, station=station, python=python)
    repeated = chain.from_iterable(repeat(frames, count))
    return await send_to(paths, at_rate(repeated, rate) if rate else at_once(repeated))
