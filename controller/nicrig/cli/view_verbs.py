# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs to look at a run: while it goes on, and afterwards."""

from pathlib import Path
from typing import Annotated

import typer

from nicrig.cli.app import JsonOption, RigArgument, app, run
from nicrig.cli.app import report as reported


@app.command()
def report(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A recording, as demo --record makes it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; RUN with the ending .html unless given.")
    ] = None,
) -> None:
    """Write a recording as one HTML page.

    Rates, rings, latencies, a time axis, broken rules. It needs no network.
    """
    from nicrig.report.page import write

    print(reported(lambda: write(source, output)))


@app.command()
def top(
    rig: RigArgument,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end; so it is without a terminal.")] = False,
    json: JsonOption = False,
) -> None:
    """Show a running card, live.

    Rates, rings, interrupts, ledger and broken rules; q or Ctrl-C ends it.
    """
    from nicrig.rundir.paths import paths_of
    from nicrig.top.loop import show_top

    async def show() -> None:
        await show_top(paths_of(rig), once=once, json=json)

    run(show)
