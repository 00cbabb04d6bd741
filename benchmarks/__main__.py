# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: how fast, as a table on standard output and as bench.json in the cache folder. About six minutes.

A ratio compares medians of rounds that were interleaved in one run; an absolute number says as much about the machine.
`python -m benchmarks PART...` measures only those parts.
"""

import argparse
import os
import sys
from collections.abc import Collection
from pathlib import Path

import trio

from benchmarks import device_alone, ledger, overload, recorder, round_trip, verifier
from benchmarks.nic import PEERS, bring_up
from benchmarks.placement import Placement
from benchmarks.report import Report, Setting, cpu_model
from nicrig.cli.app import INTERRUPTED
from nicrig.errors import RigError, cause
from nicrig.machine.accelerator import pick
from nicrig.process.signals import TerminationError, stop_on_sigterm
from nicrig.provision import Provision, provide
from nicrig.provision.cache import folder
from nicrig.rundir.directories import run_directory
from nicrig.session.options import Options
from nicrig.session.rig import open_rig
from nicrig.traffic.generator import FRAME_MIN, templates
from nicrig.verifier.functions import Detail

REPORT = "bench.json"
OVERLOAD, RECORDER, LEDGER, ROUND_TRIP = IN_ONE_RIG = ("overload", "recorder", "ledger", "round-trip")
ALONE, VERIFIER = "alone", "verifier"
PARTS = (ALONE, *IN_ONE_RIG, VERIFIER)


def say(line: str) -> None:
    """Progress, for people at a terminal."""
    if sys.stderr.isatty():
        print(f"bench: {line}", file=sys.stderr)


def small_frame() -> bytes:
    """A UDP frame for the card's own address and nobody's port: the guest's IP layer drops it without an answer."""
    udp = next(template for template in templates() if template.name == "UDP")
    return udp.build(0, FRAME_MIN, bytes(FRAME_MIN))


async def bench(parts: Collection[str]) -> Report:
    """Measure these of PARTS."""
    provision = await provide(say)
    accelerator = pick("auto").name
    report = Report(Setting(accelerator, cpu_model(), len(os.sched_getaffinity(0))))
    if ALONE in parts:
        say("the card alone")
        report.alone = device_alone.measure()
    if VERIFIER in parts:
        say("the verifier")
        report.verifier = verifier.measure(await verifier.record(provision, Options(accelerator, detail=Detail.FRAMES)))
    if not set(parts).isdisjoint(IN_ONE_RIG):
        with run_directory() as place:
            await _bench_rig(provision, place.folder, parts, report)
    return report


async def _bench_rig(provision: Provision, sockets: Path, parts: Collection[str], report: Report) -> None:
    netdevs, devices = zip(*((peer.netdev(sockets), peer.device) for peer in PEERS), strict=True)
    frame = small_frame()
    options = Options(report.setting.accelerator, netdevs=netdevs, devices=devices)
    async with open_rig(provision, options) as rig, bring_up(rig, sockets) as nics:
        placement = await Placement.of(rig)
        report.setting.into_guest = placement.apart()
        if OVERLOAD in parts:
            say("into the guest")
            report.into_guest, report.effort = await overload.measure(nics, frame, placement.vcpu)
        if RECORDER in parts:
            say("the flight recorder")
            report.recorder = await recorder.measure(nics[0], frame, placement.vcpu)
        if LEDGER in parts:
            say("the ledger")
            report.ledger = await ledger.measure(rig, nics[0], frame, placement.vcpu)
        # Last: from here on the guest echoes.
        report.setting.round_trips = placement.together()
        if ROUND_TRIP in parts:
            say("round trips")
            report.round_trips = await round_trip.measure(nics[:2], frame)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and compare to peers.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; none: all of them")
    parts = parser.parse_args().parts
    if not set(parts) <= set(PARTS):
        parser.error(f"the parts are {', '.join(PARTS)}")
    try:
        report = trio.run(stop_on_sigterm, lambda: bench(parts or PARTS))
    except BaseException as error:
        found = cause(error)
        if isinstance(found, KeyboardInterrupt | TerminationError):
            print("bench: interrupted, everything is taken down", file=sys.stderr)
            return INTERRUPTED
        if not isinstance(found, RigError):
            raise
        print(f"bench: {found}", file=sys.stderr)
        return found.exit_code
    print("\n".join(report.lines()))
    path = folder() / REPORT
    path.write_text(report.json())
    print(f"\n{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
