# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs for what is at the other end of a card's wire."""

from typing import Annotated

import typer

from nicrig.cli.app import app, run

END = "The name or folder of a rig, or the path of a socket that speaks QEMU's stream framing."


@app.command()
def join(
    one: Annotated[str, typer.Argument(metavar="A", help=END)],
    other: Annotated[str, typer.Argument(metavar="B", help=END)],
) -> None:
    """Join two wires, until one of them closes or until Ctrl-C.

    Joins two cards, or a card and a program that speaks QEMU's stream framing on a unix socket, such as passt.
    """
    from nicrig.traffic.bridge import join

    def say(line: str) -> None:
        print(line, flush=True)

    say(f"{run(lambda: join(one, other, say))} closed")
