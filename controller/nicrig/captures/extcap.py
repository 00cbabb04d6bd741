# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig-extcap`: shows running rigs as interfaces in Wireshark, by Wireshark's extcap protocol.

Wireshark runs every extcap program each time it starts, so this file imports the rest of nicrig only to capture.
"""

import argparse
import os
import sys
from typing import NoReturn

from nicrig import __version__
from nicrig.captures.pcapng import ETHERNET
from nicrig.process.output import exit_after
from nicrig.text.printable import printable

PREFIX = "nicrig-"


def main() -> NoReturn:
    """The entry point."""
    exit_after(answer)


def answer() -> int:
    """Do what Wireshark asks. Exit codes: 0, 2 for a wrong command line or fifo, 125 when the rig fails."""
    options, _ = parser().parse_known_args()
    if options.extcap_interfaces:
        return show_interfaces()
    if options.extcap_interface is None:
        parser().error("name an interface with --extcap-interface, or list them with --extcap-interfaces")
    if options.extcap_dlts:
        print(f"dlt {{number={ETHERNET}}}{{name=EN10MB}}{{display=Ethernet}}")
    if options.extcap_dlts or options.extcap_config:
        return 0
    return capture(options.extcap_interface, options.fifo if options.capture else None, options.extcap_capture_filter)


def parser() -> argparse.ArgumentParser:
    """The options of the extcap protocol. `main` ignores others, which a newer Wireshark may pass."""
    made = argparse.ArgumentParser(prog="nicrig-extcap", description=__doc__, allow_abbrev=False)
    made.add_argument("--extcap-interfaces", action="store_true", help="list the running rigs")
    made.add_argument("--extcap-interface", metavar="NAME", help="the rig, as --extcap-interfaces lists it")
    made.add_argument("--extcap-dlts", action="store_true", help="print the link type of its frames")
    made.add_argument("--extcap-config", action="store_true", help="print its options: it has none")
    made.add_argument("--extcap-capture-filter", metavar="FILTER", default="", help="capture only frames that match")
    made.add_argument("--capture", action="store_true", help="write its frames to the fifo")
    made.add_argument("--fifo", metavar="PATH", help="the fifo to write to")
    return made


def show_interfaces() -> int:
    """Print one line for each named rig."""
    from nicrig.errors import UsageError
    from nicrig.rundir.paths import names

    print(f"extcap {{version={__version__}}}{{display=nicrig}}")
    try:
        found = names()
    except UsageError as error:
        print(f"nicrig: {error}", file=sys.stderr)
        return error.exit_code
    for name in found:
        print(f"interface {{value={PREFIX}{name}}}{{display=card of the nicrig rig {name}}}")
    return 0


def capture(interface: str, fifo: str | None, expression: str) -> int:
    """Capture into the fifo until Wireshark closes it. Without a fifo, only check the filter."""
    import trio

    from nicrig.captures.capture import capture
    from nicrig.captures.filter import capture_filter
    from nicrig.errors import RigError, UsageError
    from nicrig.rundir.paths import paths_of

    # Open first, before anything can fail: Wireshark reads our error messages only after the fifo is open.
    try:
        descriptor = None if fifo is None else os.open(fifo, os.O_WRONLY)
    except OSError as error:
        print(printable(f"nicrig: {fifo}: {error.strerror}: name a fifo that can be written"), file=sys.stderr)
        return UsageError.exit_code
    try:
        paths, matches = paths_of(interface.removeprefix(PREFIX)), capture_filter(expression)
        if descriptor is not None:
            trio.run(lambda: capture(paths, descriptor, matches))
    except RigError as error:
        print(printable(f"nicrig: {error}"), file=sys.stderr)
        return error.exit_code
    return 0
