# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `nicrig`. What a command needs is imported when it runs: `nicrig --help` answers at once."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from controller.demo import Outcome
    from controller.mutants.report import Outcome as Mutation

T = TypeVar("T")

COHERENT, VIOLATION, USAGE, DEADLINE, RIG_FAILED, INTERRUPTED = 0, 1, 2, 124, 125, 130

app = typer.Typer(
    name="nicrig",
    help="A DMA network card in Python for stock QEMU, its guest driver, and a bench that judges every byte.",
    epilog="Exit codes: 0 coherent or done, 1 incoherent, 2 usage, 124 deadline, 125 the rig itself failed.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

AcceleratorOption = Annotated[
    Literal["auto", "kvm", "tcg"],
    typer.Option("--accelerator", envvar="NICRIG_ACCELERATOR", help="auto takes KVM where it is usable."),
]
InterruptsOption = Annotated[
    Literal["msix", "msi"],
    typer.Option("--interrupts", envvar="NICRIG_INTERRUPTS", help="msi: one vector, and the card can be unplugged."),
]
KindOption = Annotated[
    Literal["bus-master", "subordinate", "non-dma"],
    typer.Option("--kind", envvar="NICRIG_KIND", help="How the card moves frames."),
]

LedgerOption = Annotated[
    Literal["off", "report", "enforce"],
    typer.Option("--ledger", envvar="NICRIG_LEDGER", help="DMA that the driver has not granted: report or refuse it."),
]
ParametersOption = Annotated[
    list[str],
    typer.Option(
        "--parameter",
        metavar="NAME=VALUE",
        envvar="NICRIG_PARAMETERS",
        help="For the driver's module, like noncoherent=64 or mutate=NdisFlushBuffer:skip; may be repeated.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", envvar="NICRIG_JSON", help="Print JSON.")]


@app.command()
def setup() -> None:
    """Build what the rig needs, once: libvfio-user, QEMU, the guest's kernel, module and image."""
    from controller.provision import provide

    made = _run(lambda: provide(_progress))
    print(made.image.parent.parent)


@app.command()
def windows() -> None:
    """Build the miniport as a Windows driver, nicrig.sys for x86 and x64, with mingw-w64's NDIS headers."""
    from controller.provision.cache import folder
    from controller.provision.windows import DRIVER, MACHINES, provide

    _run(lambda: provide(_progress))
    for machine in MACHINES:
        print(folder() / "windows" / machine / DRIVER)


@app.command()
def demo(
    accelerator: AcceleratorOption = "auto",
    interrupts: InterruptsOption = "msix",
    kind: KindOption = "bus-master",
    ledger: LedgerOption = "report",
    parameter: ParametersOption = [],  # noqa: B006
    frames: Annotated[
        int, typer.Option("--frames", min=1, envvar="NICRIG_FRAMES", help="How many frames to inject.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", envvar="NICRIG_SEED", help="Draws sizes, bytes and order.")] = 1,
    keep_logs: Annotated[
        Path | None, typer.Option("--keep-logs", envvar="NICRIG_KEEP_LOGS", help="Folder to copy the logs to.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", envvar="NICRIG_RECORD", help="File to save the flight recording to.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Boot a guest with the card, inject frames, have the guest echo them, and judge every byte."""
    from controller.demo import run_demo
    from controller.rig import Options
    from controller.verifier.functions import Detail

    options = Options(
        accelerator=accelerator,
        interrupts=interrupts,
        kind=kind,
        ledger=ledger,
        parameters=tuple(parameter),
        keep_logs=keep_logs,
        detail=Detail.BYTES,
    )
    outcome: Outcome = _run(lambda: run_demo(options, count=frames, seed=seed, report=_progress, save=record))
    for line in [outcome.json()] if json else outcome.lines():
        print(line)
    if not outcome.verdict.coherent:
        raise typer.Exit(VIOLATION)


@app.command()
def recorder(
    source: Annotated[Path, typer.Argument(help="A recording, or the folder with a running card's sockets.")],
    last: Annotated[int, typer.Option("--last", min=0, help="Only the guest's last records; 0: all there are.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    json: JsonOption = False,
) -> None:
    """Print the flight recorder: every call between miniport and NDIS, and what the card did meanwhile."""
    from controller.show import show_card, show_file

    if source.is_dir():
        _run(lambda: show_card(source, last=last, follow=follow, json=json))
    else:
        _report(lambda: show_file(source, last=last, json=json))


@app.command()
def verify(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A recording, as demo --record makes it.")],
    json: JsonOption = False,
) -> None:
    """Judge a recording by the rules of NDIS 5.1; exit 1 if one is broken."""
    from controller.show import verify_file

    if not _report(lambda: verify_file(source, json=json)):
        raise typer.Exit(VIOLATION)


@app.command()
def rules(json: JsonOption = False) -> None:
    """List the rules: what breaks each, how bad that is, and which test shows it."""
    from controller.show import show_rules

    show_rules(json=json)


@app.command()
def mutants(
    kind: Annotated[
        Literal["bus-master", "subordinate", "non-dma"] | None,
        typer.Option("--kind", help="Only mutants of this kind of card."),
    ] = None,
    only: Annotated[str, typer.Option("--only", help="Only mutants like this, as NdisFlushBuffer:*.")] = "*",
    frames: Annotated[int, typer.Option("--frames", min=1, help="At most so many frames for each.")] = 1000,
    json: JsonOption = False,
) -> None:
    """Make each fault between miniport and NDIS, one at a time, and see that it is caught for the right reason."""
    from controller.mutants.command import run_mutants
    from controller.mutants.matrix import chosen

    wanted = chosen(kind, only)
    if not any(mutant.live for mutant in wanted):
        raise typer.BadParameter(f"no live mutant is like {only}: they are called as mutate= of the driver takes them")
    outcome: Mutation = _run(lambda: run_mutants(wanted, count=frames, report=_progress))
    for line in [outcome.json()] if json else outcome.lines():
        print(line)
    if not outcome.good:
        raise typer.Exit(VIOLATION)


def _progress(line: str) -> None:
    """A line of progress: for people at a terminal, nobody else."""
    if sys.stderr.isatty():
        print(f"nicrig: {line}", file=sys.stderr)


def _run(function: Callable[[], Awaitable[T]]) -> T:
    """Run a trio function, and report its failure."""
    import trio

    from controller.signals import stop_on_sigterm

    return _report(lambda: trio.run(stop_on_sigterm, function))


def _report(function: Callable[[], T]) -> T:
    """Call it; its failure becomes one message on standard error and the exit code that belongs to it."""
    from controller.errors import RigError, cause
    from controller.signals import TerminationError

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


def main() -> None:
    """The entry point of the command."""
    app()
