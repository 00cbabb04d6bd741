# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs for the card of a running rig: how it misbehaves, and what its registers say."""

from typing import Annotated

import typer

from nicrig.cli.app import JsonOption, RigArgument, app, named, run


@app.command()
def faults(
    rig: RigArgument = "dev",
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The fault to arm; without one, all are listed.")
    ] = None,
    at: Annotated[int, typer.Option("--at", min=1, help="The first to be struck, counted from now.")] = 1,
    count: Annotated[int, typer.Option("--count", min=1, help="How many are struck.")] = 1,
    clear: Annotated[bool, typer.Option("--clear", help="Disarm all.")] = False,
    json: JsonOption = False,
) -> None:
    """List how a card can misbehave, or have it misbehave.

    And what a correct driver does then.
    """
    from nicrig.card import fault_client

    paths = named(rig)
    if clear and name:
        raise typer.BadParameter("name a fault to arm, or say --clear")
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

    Each with its fields; looking changes nothing. --json says what each is for.
    """
    from nicrig.card import register_client

    paths = named(rig)
    for line in register_client.show(run(lambda: register_client.registers_of(paths)), json=json):
        print(line)
