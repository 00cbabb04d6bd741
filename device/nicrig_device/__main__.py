# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m nicrig_device`: runs one card until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import resource
import sys
from pathlib import Path
from typing import get_args

# Before numpy is loaded: its threads would keep the rights that the card gives up, and the card needs none of them.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from nicrig_device.confinement import confine
from nicrig_device.dma.barrier import require_strong_ordering
from nicrig_device.log import log
from nicrig_device.models.catalogue import KINDS
from nicrig_device.service import Service
from nicrig_device.timing import parse_timing
from nicrig_device.vfio_user.library import load
from nicrig_device.wire.behaviour import BehaviourError, load_behaviour
from nicrig_interface.files import MONITOR_SOCKET, VFIO_SOCKET, WIRE_SOCKET
from nicrig_interface.vocabulary import InterruptMode, LedgerPolicy

MAC_BYTES = 6


def mac_address(text: str) -> bytes:
    """Six bytes from aa:bb:cc:dd:ee:ff; unicast only."""
    try:
        mac = bytes.fromhex(text.replace(":", ""))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a MAC address like 52:54:00:6e:69:63") from error
    if len(mac) != MAC_BYTES or mac[0] & 1:
        raise argparse.ArgumentTypeError(f"{text} is not a unicast MAC address like 52:54:00:6e:69:63")
    return mac


def card_timing(text: str) -> int | None:
    """The seed of `unkind[:SEED]`, None for `kind`."""
    try:
        return parse_timing(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m nicrig_device", description="Run one nicrig network card.")
    sockets = f"{VFIO_SOCKET}, {WIRE_SOCKET} and {MONITOR_SOCKET}"
    made.add_argument("--sockets", type=Path, required=True, help=f"folder for {sockets}")
    made.add_argument(
        "--kind", choices=tuple(KINDS), default="bus-master", help="how the card moves frames (bus-master)"
    )
    made.add_argument("--library", type=Path, required=True, help="libvfio-user.so, with its header in the same folder")
    made.add_argument(
        "--interrupts",
        choices=get_args(InterruptMode),
        default="msix",
        help="msi: one vector, and the card can be unplugged",
    )
    made.add_argument("--mac", type=mac_address, default="52:54:00:6e:69:63", help="station address")
    ledger = "DMA that the driver has not granted: not checked, done and reported, or refused and reported (off)"
    made.add_argument("--ledger", choices=get_args(LedgerPolicy), default="off", help=ledger)
    timing = "kind: the card works at once; unkind[:SEED]: at any moment that the datasheet allows (kind)"
    made.add_argument("--card-timing", type=card_timing, default="kind", help=timing)
    behaviour = "your own function NAME of a Python file, which gets all frames (docs/behaviours.md)"
    made.add_argument("--behaviour", metavar="FILE:NAME", help=behaviour)
    return made


def main() -> int:
    """Run the card. 0: stopped by SIGTERM or SIGINT. 2: the behaviour cannot be loaded. 125: the card cannot run."""
    options = parser().parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s card: %(message)s")
    try:
        require_strong_ordering()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the library keeps a descriptor for each range
        behaviour = load_behaviour(options.behaviour) if options.behaviour else None
        options.sockets.mkdir(parents=True, exist_ok=True)
        library, kind = load(options.library), KINDS[options.kind]
        service = Service(options.sockets.resolve(), library, kind, options.mac, options.interrupts)
        service.card.ledger.set_policy(options.ledger)
        service.card.timing.set(options.card_timing)
        if behaviour is not None:
            service.card.behave(behaviour)
    except BehaviourError as error:
        print(f"card: {error}", file=sys.stderr)
        return 2
    except (OSError, RuntimeError) as error:
        print(f"card: {error}", file=sys.stderr)
        return 125
    # The loop makes no reference cycles, so a collection would only cost latency.
    gc.freeze()
    gc.disable()
    with service:
        if lacking := confine():
            log.warning("not in force: %s", "; ".join(lacking))
        service.card.not_in_force = lacking
        print("ready", flush=True)
        service.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
