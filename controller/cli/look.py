# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs to look at a run: while it goes on, and afterwards."""

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.app import app, option
from controller.cli.app import report as reported


@app.command()
def report(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A recording, as demo --record makes it.")],
    output: Annotated[
        Path | None, option("--output", "-o", help="The file to write; RUN with the ending .html unless given.")
    ] = None,
) -> None:
    """Write a recording as one HTML page.

    Rates, rings, latencies, a time axis, broken rules. It needs no network.
    """
    from controller.report.page import write

    print(reported(lambda: write(source, output)))
