# SPDX-License-Identifier: GPL-2.0-or-later
"""What all verbs share: the application, exit codes, common options, and how a failure is reported."""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from nicrig.verifier.severity import FAIL_ON_HELP, Severity
from nicrig_interface.vocabulary import CardKind, InterruptMode, LedgerPolicy

if TYPE_CHECKING:
    from nicrig.errors import RigError
    from nicrig.rundir.paths import RigPaths

T = TypeVar("T")

ERROR_LINE_BYTES = 16 * 1024
"""Room for QEMU's command line, which an error may quote."""
COHERENT, VIOLATION, USAGE, DEADLINE, RIG_FAILED, INTERRUPTED = 0, 1, 2, 124, 125, 130

app = typer.Typer(
    name="nicrig",
    help="A DMA network card in Python for stock QEMU, its guest driver, and a bench that judges every byte.",
    epilog="Exit codes: 0 coherent or done, 1 incoherent, unknown or frames dropped, 2 wrong command, 124 deadline, "
    "125 rig failed.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # --keep-logs of demo is NICRIG_DEMO_KEEP_LOGS. Options that several verbs share have a shared one too.
    context_settings={"auto_envvar_prefix": "NICRIG"},
    rich_markup_mode=None,  # drawing a rich help takes twice as long as everything else
)


AcceleratorOption = Annotated[
    Literal["auto", "kvm", "tcg"],
    typer.Option("--accelerator", envvar="NICRIG_ACCELERATOR", help="auto uses KVM where it works, else TCG."),
]
InterruptsOption = Annotated[
    InterruptMode, typer.Option("--interrupts", help="msi has one vector, and the card can be unplugged.")
]
KindOption = Annotated[
    CardKind,
    typer.Option("--kind", envvar="NICRIG_KIND", help="How the card moves frames."),
]
LedgerOption = Annotated[
    LedgerPolicy,
    typer.Option("--ledger", help="Report DMA that the driver has not granted, or refuse it too (enforce)."),
]
FailOnOption = Annotated[
    Severity, typer.Option("--fail-on", envvar="NICRIG_FAIL_ON", case_sensitive=False, help=FAIL_ON_HELP)
]
TimingOption = Annotated[
    str,
    typer.Option(
        "--card-timing",
        metavar="kind|unkind[:SEED]",
        help="The card works at once, or at any moment that the datasheet allows.",
    ),
]
ParametersOption = Annotated[
    list[str],
    typer.Option(
        "--parameter",
        metavar="NAME=VALUE",
        help="For the driver's module, like noncoherent=64 or mutate=NdisFlushBuffer:skip. Repeat it for more.",
    ),
]
MacOption = Annotated[str | None, typer.Option("--mac", help="The card's station address, like 52:54:00:6e:69:63.")]
BehaviourOption = Annotated[
    str | None,
    typer.Option("--behaviour", metavar="FILE:NAME", help="Your own function for what the card does with frames."),
]
ExpectDropsOption = Annotated[
    bool,
    typer.Option(
        "--expect-drops",
        help="Frames that the card drops by its contract are expected. Without it, the exit code for them is 1.",
    ),
]
NameOption = Annotated[str, typer.Option("--name", help="The name to give to the rig.")]
MemoryOption = Annotated[int, typer.Option("--memory", min=64, help="The guest's memory, in MiB.")]
RecorderOption = Annotated[
    int,
    typer.Option(
        "--recorder", min=0, max=3, help="What the driver records: 1 allocations, 2 all calls, 3 frame bytes too."
    ),
]
RigOption = Annotated[
    str | None,
    typer.Option("--rig", envvar="NICRIG_RIG", metavar="RIG", help="Use this running rig: its name or its folder."),
]


def _names(incomplete: str) -> list[str]:
    """Names of rigs, for the shell's completion."""
    from nicrig.errors import UsageError
    from nicrig.rundir.paths import names

    try:
        return [name for name in names() if name.startswith(incomplete)]
    except UsageError:
        return []


RigArgument = Annotated[
    str, typer.Argument(metavar="RIG", help="The name or the folder of a running rig.", autocompletion=_names)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def named(rig: str) -> "RigPaths":
    """The paths of a rig. A name that no rig has ends the command."""
    from nicrig.rundir.paths import paths_of

    return report(lambda: paths_of(rig))


def found(rig: str | None) -> "RigPaths | None":
    """As `named`; None without a name."""
    return None if rig is None else named(rig)


def progress(line: str) -> None:
    """Print a line of progress if standard error is a terminal."""
    if sys.stderr.isatty():
        print(f"nicrig: {line}", file=sys.stderr)


def run(function: Callable[[], Awaitable[T]]) -> T:
    """Run a trio function, and report its failure."""
    import trio

    from nicrig.process.signals import stop_on_sigterm

    return report(lambda: trio.run(stop_on_sigterm, function))


def report_error(error: "RigError") -> None:
    """Print the error on standard error, as one message."""
    from nicrig.text.printable import printable_lines

    print("\n".join(printable_lines(f"nicrig: {error}", limit=ERROR_LINE_BYTES)), file=sys.stderr)


def report(function: Callable[[], T]) -> T:
    """Call the function. A failure becomes one message on standard error and an exit code."""
    from nicrig.errors import RigError, cause
    from nicrig.process.signals import TerminationError

    try:
        return function()
    except BaseException as error:
        found = cause(error)
        if isinstance(found, RigError):
            report_error(found)
            raise typer.Exit(found.exit_code) from None
        if isinstance(found, OSError):
            print(
                f"nicrig: {found}: check that the disk has room and that you can write to the folder", file=sys.stderr
            )
            raise typer.Exit(RIG_FAILED) from None
        if isinstance(found, KeyboardInterrupt | TerminationError):
            print("nicrig: interrupted, everything is taken down", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        raise found from None
