# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: how fast, as a table on standard output and as bench.json in the cache folder. About two minutes.

A ratio compares medians of rounds that were interleaved in one run; an absolute number says as much about the machine.
"""

import sys
from pathlib import Path

import trio

from benchmarks import device_alone, judge, overload, round_trip
from benchmarks.nic import PEERS, bring_up
from benchmarks.placement import Placement
from benchmarks.report import Report, Setting, cpu_model
from controller.cli import INTERRUPTED
from controller.errors import RigError, cause
from controller.frames import FRAME_MIN, templates
from controller.provision import Provision, provide
from controller.provision.cache import folder
from controller.rig import Options, open_rig
from controller.run_directory import run_directory
from controller.signals import TerminationError, stop_on_sigterm

REPORT = "bench.json"


def say(line: str) -> None:
    """Progress, for people at a terminal."""
    if sys.stderr.isatty():
        print(f"bench: {line}", file=sys.stderr)


def small_frame() -> bytes:
    """A UDP frame for the card's own address and nobody's port: the guest's IP layer drops it without an answer."""
    udp = next(template for template in templates() if template.name == "UDP")
    return udp.build(0, FRAME_MIN, bytes(FRAME_MIN))


async def bench() -> Report:
    provision = await provide(say)
    say("the card alone")
    alone = device_alone.measure()
    say("the verifier")
    judged = judge.measure()
    with run_directory() as sockets:
        return await _bench_rig(provision, sockets, alone, judged)


async def _bench_rig(provision: Provision, sockets: Path, alone: device_alone.Result, judged: judge.Result) -> Report:
    netdevs, devices = zip(*((peer.netdev(sockets), peer.device) for peer in PEERS), strict=True)
    frame = small_frame()
    async with open_rig(provision, Options(netdevs=netdevs, devices=devices)) as rig, bring_up(rig, sockets) as nics:
        placement = await Placement.of(rig)
        say("into the guest")
        apart = placement.apart()
        rates, effort = await overload.measure(nics, frame, placement.vcpu)
        say("round trips")
        together = placement.together()
        trips = await round_trip.measure(nics[:2], frame)
        setting = Setting(rig.accelerator.name, cpu_model(), placement.cores, apart, together)
        return Report(setting, alone, judged, rates, effort, trips)


def main() -> int:
    try:
        report = trio.run(stop_on_sigterm, bench)
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
