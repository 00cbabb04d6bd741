# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that end with a verdict, and verbs that show the evidence for one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nicrig.cli.app import (
    VIOLATION,
    AcceleratorOption,
    ExpectDropsOption,
    FailOnOption,
    InterruptsOption,
    JsonOption,
    KindOption,
    LedgerOption,
    ParametersOption,
    RigOption,
    app,
    found,
    progress,
    report,
    report_error,
    run,
)
from nicrig.verdict.legs import LEGS
from nicrig.verifier.severity import FAIL_ON
from nicrig_interface.vocabulary import CardKind

if TYPE_CHECKING:
    from nicrig.mutants.outcome import MutantsOutcome as Mutation
    from nicrig.verdict.outcome import EchoOutcome


DemoTimingOption = Annotated[
    str | None,
    typer.Option(
        "--card-timing",
        metavar="kind|unkind[:SEED]",
        help="When the card does its work. The default is kind, then unkind for the second half of the frames.",
    ),
]

ThoroughOption = Annotated[
    bool,
    typer.Option(
        "--thorough",
        help=f"Take every path that a driver has, for about a minute: {', '.join(leg.name for leg in LEGS)}.",
    ),
]


@app.command()
def demo(
    accelerator: AcceleratorOption = "auto",
    interrupts: InterruptsOption = "msix",
    kind: KindOption = "bus-master",
    ledger: LedgerOption = "report",
    card_timing: DemoTimingOption = None,
    parameter: ParametersOption = [],
    frames: Annotated[int, typer.Option("--frames", min=1, help="How many frames to inject.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the frames' sizes, bytes and order.")] = 1,
    thorough: ThoroughOption = False,
    keep_logs: Annotated[Path | None, typer.Option("--keep-logs", help="Folder to copy the logs to.")] = None,
    rig: RigOption = None,
    record: Annotated[Path | None, typer.Option("--record", help="File to save the flight recording to.")] = None,
    fail_on: FailOnOption = FAIL_ON,
    expect_drops: ExpectDropsOption = False,
    json: JsonOption = False,
) -> None:
    """Inject frames, have the guest echo them, judge every byte.

    Boots a guest with the card, or uses the rig that --rig names. Exits with 1 if the verdict is incoherent or unknown.
    A guest that hangs or panics, or a driver that does not load, ends with the verdict on what is known.
    """
    from nicrig.session.options import Options
    from nicrig.verdict.demo import run_demo
    from nicrig.verifier.functions import Detail

    options = Options(
        accelerator=accelerator,
        interrupts=interrupts,
        kind=kind,
        ledger=ledger,
        timing=card_timing or "kind",
        parameters=tuple(parameter),
        keep_logs=keep_logs,
        detail=Detail.BYTES,
    )
    paths = found(rig)
    outcome: EchoOutcome = run(
        lambda: run_demo(
            options,
            count=None if thorough else frames,
            seed=seed,
            report=progress,
            save=record,
            paths=paths,
            fail_on=fail_on,
            timing=card_timing,
        )
    )
    if expect_drops:
        outcome = outcome.with_drops_expected()
    for line in [outcome.json()] if json else outcome.lines():
        print(line)
    if outcome.ended:
        report_error(outcome.ended)
    if not outcome.verdict.coherent:
        raise typer.Exit(VIOLATION)


def _folder(source: Path) -> Path:
    """The folder of the rig, if `source` names one."""
    from nicrig.rundir.paths import paths_named

    return source if source.is_dir() else report(lambda: paths_named(str(source))).folder


@app.command()
def recorder(
    source: Annotated[Path, typer.Argument(help="A recording, or the name or folder of a running rig.")],
    last: Annotated[
        int, typer.Option("--last", min=0, help="Print only this many of the guest's last records; 0 prints all.")
    ] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new records as they come, until Ctrl-C.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Print the flight recorder.

    Shows every call between miniport and NDIS, and what the card did meanwhile. Exits with 1 if records were lost,
    or if there are none.
    """
    from nicrig.cli.printing import show_card, show_file

    folder = _folder(source)
    if folder.is_dir():
        whole = run(lambda: show_card(folder, last=last, follow=follow, json=json))
    else:
        whole = report(lambda: show_file(source, last=last, json=json))
    if not whole:
        raise typer.Exit(VIOLATION)


@app.command()
def verify(
    source: Annotated[
        Path,
        typer.Argument(help="A recording that demo --record made, or the name or folder of a running rig."),
    ],
    fail_on: FailOnOption = FAIL_ON,
    json: JsonOption = False,
) -> None:
    """Judge a recording, or a running rig, by the rules of NDIS 5.1.

    A rig keeps its last records only: the verdict is unknown when it has lost the first ones. Exits with 1 if the
    driver broke a rule as severe as --fail-on, or if records are missing so that the verdict is unknown.
    """
    from nicrig.cli.printing import verify_card, verify_file

    folder = _folder(source)
    if folder.is_dir():
        clean = run(lambda: verify_card(folder, json=json, fail_on=fail_on))
    else:
        clean = report(lambda: verify_file(source, json=json, fail_on=fail_on))
    if not clean:
        raise typer.Exit(VIOLATION)


@app.command()
def rules(json: JsonOption = False) -> None:
    """List the rules of NDIS 5.1.

    Shows how severe each rule is, where it comes from, and the test that breaks it.
    """
    from nicrig.cli.printing import show_rules

    show_rules(json=json)


@app.command()
def mutants(
    kind: Annotated[
        CardKind | None,
        typer.Option("--kind", help="Only mutants for this kind of card."),
    ] = None,
    only: Annotated[
        str, typer.Option("--only", help="Only mutants that match this pattern, like NdisFlushBuffer:*.")
    ] = "*",
    frames: Annotated[int, typer.Option("--frames", min=1, help="At most this many frames for each mutant.")] = 1000,
    json: JsonOption = False,
) -> None:
    """Make each fault of a driver, and check that it is caught.

    Makes one fault at a time, between miniport and NDIS. Each must be caught for an expected reason.
    """
    from nicrig.mutants.matrix import chosen
    from nicrig.mutants.run import run_mutants

    wanted = chosen(kind, only)
    if not any(mutant.live for mutant in wanted):
        raise typer.BadParameter(f"no live mutant matches {only}: write it as the driver's parameter mutate= does")
    outcome: Mutation = run(lambda: run_mutants(wanted, count=frames, report=progress))
    for line in [outcome.json()] if json else outcome.lines():
        print(line)
    if not outcome.good:
        raise typer.Exit(VIOLATION)
