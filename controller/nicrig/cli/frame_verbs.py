# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that put frames on the wire of a running card, and that show what it moved."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nicrig.cli.app import VIOLATION, ExpectDropsOption, JsonOption, RigArgument, app, run

if TYPE_CHECKING:
    from nicrig.captures.tap import Tally
    from nicrig.traffic.sending import Sent


def _a_number(value: float | None) -> float | None:
    """The value, unless it is "nan", which is neither below a minimum nor above it."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is not a number")
    return value


RateOption = Annotated[
    float | None,
    typer.Option("--rate", min=0.001, callback=_a_number, help="Frames a second.", show_default=False),
]


@app.command()
def inject(
    rig: RigArgument,
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help="A scapy expression, like Ether()/IP(dst='10.0.0.2')/UDP().")
    ],
    count: Annotated[int, typer.Option("--count", min=1, help="How many times to send them.")] = 1,
    rate: RateOption = None,
    python: Annotated[
        bool,
        typer.Option(
            "--python",
            help="Allow all of Python in EXPRESSION. It then runs as you: it can read, change and delete your files "
            "and use your network. Use it only for an expression that you understand.",
        ),
    ] = False,
    expect_drops: ExpectDropsOption = False,
    json: JsonOption = False,
) -> None:
    """Send frames to a running card, from a scapy expression.

    EXPRESSION may hold scapy's layers and constants, Layer(field=value), numbers, text, bytes, lists, tuples, dicts
    and operators; --python allows the rest.

    Prints what the card did with them, and exits with 1 if it dropped any, unless you expect that.

    Addresses that you leave out are filled in: the destination is the card and the guest, or the group of a
    multicast; the source is 10.0.0.1, fd00::1 or 02:00:00:00:00:01.
    """
    from nicrig.rundir.paths import paths_of
    from nicrig.traffic.inject import inject

    _show(run(lambda: inject(paths_of(rig), expression, count=count, rate=rate, python=python)), json, expect_drops)


@app.command()
def replay(
    rig: RigArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A pcap or pcapng file; - is standard input.")],
    rate: RateOption = None,
    flat_out: Annotated[bool, typer.Option("--flat-out", help="Send as fast as the card takes them.")] = False,
    times: Annotated[int, typer.Option("--times", min=1, help="How many times to send the capture.")] = 1,
    longest_gap: Annotated[
        float,
        typer.Option("--longest-gap", min=0, callback=_a_number, help="The most seconds to wait between two frames."),
    ] = 10.0,
    expect_drops: ExpectDropsOption = False,
    json: JsonOption = False,
) -> None:
    """Send the frames of a capture to a running card.

    Keeps the gaps of the capture up to --longest-gap, unless you give --rate or --flat-out. Prints first what it
    cannot send as captured: packets that are not Ethernet, frames that are too long or were cut, gaps and clock jumps.
    Exits with 1 if the card dropped frames, unless you expect that.
    """
    from nicrig.rundir.paths import paths_of
    from nicrig.traffic.replay import Pace, replay

    if rate and flat_out:
        raise typer.BadParameter("give --rate or --flat-out, not both")
    pace = Pace(rate, flat_out, longest_gap)
    _show(run(lambda: replay(paths_of(rig), file, pace, times=times, say=_say)), json, expect_drops)


def _say(line: str) -> None:
    """Print a line for the user on standard error, where it is in no program's way."""
    from nicrig.text.printable import printable

    print(f"nicrig: {printable(line)}", file=sys.stderr, flush=True)


def _show(sent: "Sent", json: bool, expect_drops: bool) -> None:
    """Print what the card did. Frames that it dropped without an excuse end the command."""
    print(sent.json() if json else sent.text())
    if sent.refused or (sent.drops and not expect_drops):
        raise typer.Exit(VIOLATION)


@app.command()
def capture(
    rig: RigArgument,
    write: Annotated[Path, typer.Option("--write", "-w", help="The pcapng file to write; - is standard output.")],
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after this many frames.")] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.001, callback=_a_number, help="Stop after this many seconds.")
    ] = None,
    filter: Annotated[str, typer.Option("--filter", help="Capture only frames that match, like 'udp port 7'.")] = "",
) -> None:
    """Capture the frames of a running card, both ways, as pcapng.

    Comments on each frame say where it lay, which flush covered it, and its verdict. Prints a line when it listens:
    every frame from then on is captured. Ctrl-C ends the capture.
    """
    from nicrig.captures.capture import capture, opened
    from nicrig.captures.filter import capture_filter
    from nicrig.rundir.paths import paths_of

    async def capture_all() -> "Tally":
        paths, passes = paths_of(rig), capture_filter(filter)
        with opened(write) as descriptor:
            return await capture(paths, descriptor, passes, count=count, seconds=seconds, say=_say)

    _say(run(capture_all).text())
