# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs for the card of a running rig: how it misbehaves, and what its registers say."""

from typing import Annotated

import typer

from nicrig.cli.app import JsonOption, RigArgument, app, named, run


@app.command()
def faults(
    rig: RigArgument = "dev",
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The fault to arm. Without a name, all faults are listed.")
    ] = None,
    at: Annotated[int, typer.Option("--at", min=1, help="The first one to strike, counted from now.")] = 1,
    count: Annotated[int, typer.Option("--count", min=1, help="How many to strike.")] = 1,
    clear: Annotated[bool, typer.Option("--clear", help="Disarm all faults.")] = False,
    json: JsonOption = False,
) -> None:
    """List the faults that a card can make, or arm one.

    The list says what a correct driver does in each case.
    """
    from nicrig.card import fault_client

    paths = named(rig)
    if clear and name:
        raise typer.BadParameter("give the NAME of a fault or --clear, not both")
    if clear:
        run(lambda: fault_client.clear(paths))
    elif name:
        run(lambda: fault_client.arm(paths, name, at=at, count=count))
    else:
        for line in fault_client.show(run(lambda: fault_client.faults_of(paths)), json=json):
            print(line)


@app.command()
def registers(rig: RigArgument = "dev", json: JsonOption = False) -> None:
    """Print the registers of a running card.

    Shows each register with its fields. Reading changes nothing. --json adds what each register is for.
    """
    from nicrig.card import register_client

    paths = named(rig)
    for line in register_client.show(run(lambda: register_client.registers_of(paths)), json=json):
        print(line)
