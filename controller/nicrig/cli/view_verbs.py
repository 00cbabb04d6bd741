# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs to look at a run: while it goes on, and afterwards."""

from pathlib import Path
from typing import Annotated

import typer

from nicrig.cli.app import JsonOption, RigArgument, app, run
from nicrig.cli.app import report as reported


@app.command()
def report(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A recording that demo --record made.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write. Without it: RUN with the ending .html.")
    ] = None,
) -> None:
    """Write a recording as one HTML page.

    Shows rates, rings, latencies, a time axis and broken rules. The page needs no network.
    """
    from nicrig.report.page import write

    print(reported(lambda: write(source, output)))


@app.command()
def top(
    rig: RigArgument,
    once: Annotated[
        bool, typer.Option("--once", help="Print once and exit. Without a terminal this is always so.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show a running card, live.

    Shows rates, rings, interrupts, ledger and broken rules. Quit with q or Ctrl-C.
    """
    from nicrig.rundir.paths import paths_of
    from nicrig.top.loop import show_top

    async def show() -> None:
        await show_top(paths_of(rig), once=once, json=json)

    run(show)
