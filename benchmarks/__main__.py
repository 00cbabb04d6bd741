# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: prints a table of speeds, and writes bench.json in the cache folder. Takes about six minutes.

Each ratio compares medians of rounds that were interleaved in one run. Absolute numbers also depend on the machine.
`python -m benchmarks PART...` measures only those parts.
"""

import os
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import card_alone, ledger_cost, overload, recorder_cost, round_trip, verifier_speed
from benchmarks.guest_nics import PEERS, bring_up
from benchmarks.pinning import Pinning
from benchmarks.results import Environment, Results, cpu_model
from nicrig.cli.app import progress, run
from nicrig.machine.accelerator import pick
from nicrig.provision import Provision, provide
from nicrig.provision.cache import folder
from nicrig.rundir.directories import run_directory
from nicrig.session.options import Options
from nicrig.session.rig import open_rig
from nicrig.traffic.generator import templates
from nicrig.verifier.functions import Detail

RESULTS_FILE = "bench.json"
SMALL = 60
"""Bytes of Ethernet's smallest frame, without its CRC."""


class Part(StrEnum):
    """What can be measured."""

    CARD_ALONE = "card-alone"
    VERIFIER = "verifier"
    OVERLOAD = "overload"
    RECORDER = "recorder"
    LEDGER = "ledger"
    ROUND_TRIP = "round-trip"


IN_ONE_RIG = frozenset(Part) - {Part.CARD_ALONE, Part.VERIFIER}


def small_frame() -> bytes:
    """A UDP frame for the card's address and a closed port: the guest's IP layer drops it without an answer."""
    udp = next(template for template in templates() if template.name == "UDP")
    return udp.build(0, SMALL, bytes(SMALL))


async def bench(parts: Collection[Part]) -> Results:
    """Measure these parts."""
    provision = await provide(progress)
    accelerator = pick("auto").name
    results = Results(Environment(accelerator, cpu_model(), len(os.sched_getaffinity(0))))
    if Part.CARD_ALONE in parts:
        progress("measuring the card alone")
        results.alone = card_alone.measure()
    if Part.VERIFIER in parts:
        progress("measuring the verifier")
        recording = await verifier_speed.record(provision, Options(accelerator, detail=Detail.FRAMES))
        results.verifier = verifier_speed.measure(recording)
    if not IN_ONE_RIG.isdisjoint(parts):
        with run_directory() as paths:
            await _bench_rig(provision, paths.folder, parts, results)
    return results


async def _bench_rig(provision: Provision, sockets: Path, parts: Collection[Part], results: Results) -> None:
    netdevs, devices = zip(*((peer.netdev(sockets), peer.device) for peer in PEERS), strict=True)
    frame = small_frame()
    options = Options(results.setting.accelerator, netdevs=netdevs, devices=devices)
    async with open_rig(provision, options) as rig, bring_up(rig, sockets) as nics:
        pinning = await Pinning.of(rig)
        results.setting.into_guest = pinning.apart()
        if Part.OVERLOAD in parts:
            progress("measuring overload")
            results.into_guest, results.effort = await overload.measure(nics, frame, pinning.vcpu)
        if Part.RECORDER in parts:
            progress("measuring the cost of the flight recorder")
            results.recorder = await recorder_cost.measure(nics[0], frame, pinning.vcpu)
        if Part.LEDGER in parts:
            progress("measuring the cost of the ledger")
            results.ledger = await ledger_cost.measure(rig, nics[0], frame, pinning.vcpu)
        # This part comes last: it makes the guest echo frames.
        results.setting.round_trips = pinning.together()
        if Part.ROUND_TRIP in parts:
            progress("measuring round trips")
            results.round_trips = await round_trip.measure(nics[:2], frame)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    parts: Annotated[
        list[Part] | None, typer.Argument(metavar="PART", help=f"Only these parts: {', '.join(Part)}.")
    ] = None,
) -> None:
    """Measure speed, as ratios to peers in the same run."""
    results = run(lambda: bench(parts or list(Part)))
    print("\n".join(results.lines()))
    path = folder() / RESULTS_FILE
    path.write_text(results.json())
    print(f"\n{path}")


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
