# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs for rigs that keep running, and for their guests."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from nicrig.cli.app import (
    RIG_FAILED,
    AcceleratorOption,
    BehaviourOption,
    InterruptsOption,
    JsonOption,
    KindOption,
    LedgerOption,
    MacOption,
    MemoryOption,
    NameOption,
    ParametersOption,
    RecorderOption,
    RigArgument,
    RigOption,
    TimingOption,
    app,
    found,
    named,
    progress,
    report,
    run,
)


@app.command()
def up(
    name: NameOption = "dev",
    accelerator: AcceleratorOption = "auto",
    interrupts: InterruptsOption = "msix",
    kind: KindOption = "bus-master",
    ledger: LedgerOption = "report",
    card_timing: TimingOption = "kind",
    memory: MemoryOption = 512,
    recorder: RecorderOption = 2,
    parameter: ParametersOption = [],
    mac: MacOption = None,
    behaviour: BehaviourOption = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in the foreground until Ctrl-C.")] = False,
) -> None:
    """Start a rig that keeps running.

    Starts card, guest and driver, and brings the interface up at 10.0.0.2.
    """
    from nicrig.machine.accelerator import pick
    from nicrig.rundir.directories import free_paths
    from nicrig.session.daemon import serve_rig
    from nicrig.session.options import Options
    from nicrig.verifier.functions import Detail

    options = Options(
        accelerator=accelerator,
        interrupts=interrupts,
        kind=kind,
        ledger=ledger,
        timing=card_timing,
        memory=memory,
        detail=Detail(recorder),
        parameters=tuple(parameter),
        mac=mac,
        behaviour=behaviour,
    )
    report(lambda: free_paths(name))  # first of all: a rig of that name that runs keeps its log
    if foreground:
        run(lambda: serve_rig(name, options, _say, progress))
    else:
        report(lambda: pick(accelerator))  # warns at the terminal: the daemon's warning goes to its log
        _leave_running(name)


def _say(line: str) -> None:
    print(line, flush=True)


def _leave_running(name: str) -> None:
    from nicrig.process.detach import FailedError, start
    from nicrig.provision import provide
    from nicrig.rundir.paths import log_of

    run(lambda: provide(progress))
    progress("starting the card and booting the guest")
    try:
        print(report(lambda: start(sys.argv[1:], log_of(name))))
    except FailedError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(error.code) from None


@app.command()
def status(
    rig: Annotated[str | None, typer.Argument(metavar="RIG", help="Only this rig.")] = None, json: JsonOption = False
) -> None:
    """List the rigs that keep running.

    Shows the state of each card. Exits with 125 if a rig is dead, or its card does not answer.
    """
    from nicrig.session.status import look, show

    paths = [named(rig)] if rig else None
    states = run(lambda: look(paths))
    for line in show(states, json=json):
        print(line)
    if any(state.problem for state in states):
        raise typer.Exit(RIG_FAILED)


@app.command()
def down(
    rig: Annotated[str | None, typer.Argument(metavar="RIG", help="The name or the folder of a rig.")] = None,
    all: Annotated[bool, typer.Option("--all", help="End all your rigs.")] = False,
) -> None:
    """End a rig that keeps running.

    Ends its processes, and removes its sockets and files.
    """
    from nicrig.rundir.paths import names
    from nicrig.session.ending import end_rig

    if all == bool(rig):
        raise typer.BadParameter("give the name of a rig or --all, not both")
    failed = 0
    for each in report(names) if all else [str(rig)]:
        # One that does not end leaves the others to be ended.
        try:
            run(partial(end_rig, named(each)))
        except typer.Exit as failure:
            failed = failure.exit_code
    if failed:
        raise typer.Exit(failed)


@app.command("run", context_settings={"ignore_unknown_options": True})
def run_in_guest(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="The command and its arguments.")],
    rig: RigOption = None,
    accelerator: AcceleratorOption = "auto",
    interrupts: InterruptsOption = "msix",
    kind: KindOption = "bus-master",
    ledger: LedgerOption = "off",
    card_timing: TimingOption = "kind",
    memory: MemoryOption = 512,
    parameter: ParametersOption = [],
    deadline: Annotated[
        float, typer.Option("--deadline", min=0.1, help="How many seconds the command may take.")
    ] = 600,
) -> None:
    """Run a command in a guest with the card.

    Passes standard input on, prints the command's output and exits with its exit code. Boots a guest, or uses the rig
    that --rig names.
    """
    from nicrig.session.guest_shell import run_command
    from nicrig.session.options import Options

    paths = found(rig)
    options = Options(
        accelerator=accelerator,
        interrupts=interrupts,
        kind=kind,
        ledger=ledger,
        timing=card_timing,
        memory=memory,
        parameters=tuple(parameter),
    )
    raise typer.Exit(run(lambda: run_command(command, options, paths, deadline=deadline, report=progress)))


@app.command()
def shell(rig: RigArgument) -> None:
    """Open a shell in the guest of a rig.

    Leave it with Ctrl-]. Without a terminal, the guest's sh runs standard input.
    """
    from nicrig.session.guest_shell import fit_shell, join_shell, run_command
    from nicrig.session.options import Options

    paths = named(rig)
    if sys.stdin.isatty():
        run(lambda: fit_shell(paths))
        progress("the guest's shell: leave it with Ctrl-]")
        report(lambda: join_shell(paths))
        return
    raise typer.Exit(run(lambda: run_command(["sh"], Options(), paths, deadline=600, report=progress)))


@app.command()
def serve(
    name: NameOption = "dev",
    sockets: Annotated[
        Path | None, typer.Option("--sockets", help="Folder for the sockets, instead of one that --name finds.")
    ] = None,
    interrupts: InterruptsOption = "msix",
    kind: KindOption = "bus-master",
    ledger: LedgerOption = "off",
    card_timing: TimingOption = "kind",
    mac: MacOption = None,
    behaviour: BehaviourOption = None,
) -> None:
    """Serve a card without a machine, until Ctrl-C.

    Prints "ready", and the options that connect your own QEMU to the card.
    """
    from nicrig.rundir.directories import named_directory, shared_directory
    from nicrig.session.daemon import serve_card
    from nicrig.session.options import Options

    options = Options(interrupts=interrupts, kind=kind, ledger=ledger, timing=card_timing, mac=mac, behaviour=behaviour)

    async def keep() -> None:
        with shared_directory(sockets) if sockets else named_directory(name) as paths:
            await serve_card(paths, options, _say)

    run(keep)


@app.command()
def machine(
    rig: RigArgument,
    accelerator: AcceleratorOption = "auto",
    memory: MemoryOption = 512,
) -> None:
    """Run a machine for a card that runs already, until Ctrl-C.

    Prints "ready" when the guest has booted.
    """
    from nicrig.session.daemon import serve_machine
    from nicrig.session.options import Options

    paths = named(rig)
    run(lambda: serve_machine(paths, Options(accelerator=accelerator, memory=memory), _say))


@app.command("qemu-args")
def qemu_args(
    rig: Annotated[str, typer.Argument(metavar="RIG", help="The name or the folder of the rig.")] = "dev",
    memory: MemoryOption = 512,
    accelerator: AcceleratorOption = "auto",
    whole: Annotated[
        bool, typer.Option("--whole", help="Print the whole command that up starts. The rig need not exist yet.")
    ] = False,
) -> None:
    """Print the options that connect your own QEMU to the card.

    They are quoted for a shell. Your QEMU must be 10.1 or later.
    """
    from nicrig.rundir.paths import paths_named
    from nicrig.session.daemon import qemu_options, whole_line
    from nicrig.session.options import Options

    paths = report(lambda: paths_named(rig)) if whole and "/" not in rig else named(rig)
    options = Options(accelerator=accelerator, memory=memory)
    print(run(lambda: whole_line(paths, options) if whole else qemu_options(paths, memory)))


@app.command("qemu", context_settings={"ignore_unknown_options": True})
def run_qemu(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="-- OPTIONS...", help="Options for QEMU.")] = None,
) -> None:
    """Run the QEMU of the rigs with your own options.

    Uses the host's QEMU if it is recent enough, else the one that setup built.
    """
    from nicrig.machine.qemu import program
    from nicrig.provision import provide

    found = program(run(lambda: provide(progress)))
    os.execvpe(found.argv[0], [*found.argv, *(arguments or [])], {**os.environ, **found.environment})
