# SPDX-License-Identifier: GPL-2.0-or-later
"""What all verbs share: the application, its exit codes, options that several verbs have, and how a failure is told."""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from nicrig.rundir.paths import RigPaths

T = TypeVar("T")

COHERENT, VIOLATION, USAGE, DEADLINE, RIG_FAILED, INTERRUPTED = 0, 1, 2, 124, 125, 130

app = typer.Typer(
    name="nicrig",
    help="A DMA network card in Python for stock QEMU, its guest driver, and a bench that judges every byte.",
    epilog="Exit codes: 0 coherent or done, 1 incoherent, 2 usage, 124 deadline, 125 the rig itself failed.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # --keep-logs of demo is NICRIG_DEMO_KEEP_LOGS. Options that mean the same in several verbs name another besides.
    context_settings={"auto_envvar_prefix": "NICRIG"},
    rich_markup_mode=None,  # drawing the help costs twice as long as all the rest of it
)


AcceleratorOption = Annotated[
    Literal["auto", "kvm", "tcg"],
    typer.Option("--accelerator", envvar="NICRIG_ACCELERATOR", help="auto takes KVM where it is usable."),
]
InterruptsOption = Annotated[
    Literal["msix", "msi"], typer.Option("--interrupts", help="msi: one vector, and the card can be unplugged.")
]
KindOption = Annotated[
    Literal["bus-master", "subordinate", "non-dma"],
    typer.Option("--kind", envvar="NICRIG_KIND", help="How the card moves frames."),
]
LedgerOption = Annotated[
    Literal["off", "report", "enforce"],
    typer.Option("--ledger", help="DMA that the driver has not granted: report or refuse it."),
]
ParametersOption = Annotated[
    list[str],
    typer.Option(
        "--parameter",
        metavar="NAME=VALUE",
        help="For the driver's module, like noncoherent=64 or mutate=NdisFlushBuffer:skip; may be repeated.",
    ),
]
MacOption = Annotated[str | None, typer.Option("--mac", help="The card's station address, like 52:54:00:6e:69:63.")]
BehaviourOption = Annotated[
    str | None,
    typer.Option("--behaviour", metavar="FILE:NAME", help="Your own function for what the card does with frames."),
]
NameOption = Annotated[str, typer.Option("--name", help="What the rig is called from now on.")]
MemoryOption = Annotated[int, typer.Option("--memory", min=64, help="The guest's memory, in MiB.")]
RecorderOption = Annotated[
    int,
    typer.Option(
        "--recorder", min=0, max=3, help="How much the driver records: allocations, 2 all calls, 3 bytes too."
    ),
]
RigOption = Annotated[
    str | None,
    typer.Option("--rig", envvar="NICRIG_RIG", metavar="RIG", help="A rig that runs already: its name, or its folder."),
]


def _names(incomplete: str) -> list[str]:
    """For the shell's completion."""
    from nicrig.rundir.paths import names

    return [name for name in names() if name.startswith(incomplete)]


RigArgument = Annotated[
    str, typer.Argument(metavar="RIG", help="A running rig: its name, or its folder.", autocompletion=_names)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def named(rig: str) -> "RigPaths":
    """The place of a rig; a name of none ends the command."""
    from nicrig.rundir.paths import paths_of

    return report(lambda: paths_of(rig))


def found(rig: str | None) -> "RigPaths | None":
    """As `named`, None if no rig was."""
    return None if rig is None else named(rig)


def progress(line: str) -> None:
    """A line of progress: for people at a terminal, nobody else."""
    if sys.stderr.isatty():
        print(f"nicrig: {line}", file=sys.stderr)


def run(function: Callable[[], Awaitable[T]]) -> T:
    """Run a trio function, and report its failure."""
    import trio

    from nicrig.process.signals import stop_on_sigterm

    return report(lambda: trio.run(stop_on_sigterm, function))


def report(function: Callable[[], T]) -> T:
    """Call it; its failure becomes one message on standard error and the exit code that belongs to it."""
    from nicrig.errors import RigError, cause
    from nicrig.process.signals import TerminationError

    try:
        return function()
    except BaseException as error:
        found = cause(error)
        if isinstance(found, RigError):
            print(f"nicrig: {found}", file=sys.stderr)
            raise typer.Exit(found.exit_code) from None
        if isinstance(found, OSError):
            print(f"nicrig: {found}: check that the disk has room and that the folder may be written", file=sys.stderr)
            raise typer.Exit(RIG_FAILED) from None
        if isinstance(found, KeyboardInterrupt | TerminationError):
            print("nicrig: interrupted, everything is taken down", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        raise found from None
