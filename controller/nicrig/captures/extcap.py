# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig-extcap`: running rigs as interfaces of Wireshark, which calls it as its extcap interface says.

Wireshark asks every extcap program on each start, so nothing is imported that a question does not need.
"""

import argparse
import os
import sys

PREFIX = "nicrig-"
ETHERNET = 1


def main() -> int:
    """The entry point. Ends with 0, 2 for what is asked wrongly, 125 when the rig fails."""
    options, _ = parser().parse_known_args()
    if options.extcap_interfaces:
        return show_interfaces()
    if options.extcap_interface is None:
        parser().error("name an interface, or ask for --extcap-interfaces")
    if options.extcap_dlts:
        print(f"dlt {{number={ETHERNET}}}{{name=EN10MB}}{{display=Ethernet}}")
    if options.extcap_dlts or options.extcap_config:
        return 0
    return capture(options.extcap_interface, options.fifo if options.capture else None, options.extcap_capture_filter)


def parser() -> argparse.ArgumentParser:
    """What Wireshark may say; what it says besides, as a newer one may, is no matter."""
    made = argparse.ArgumentParser(prog="nicrig-extcap", description=__doc__, allow_abbrev=False)
    made.add_argument("--extcap-interfaces", action="store_true", help="list the rigs that run")
    made.add_argument("--extcap-interface", metavar="NAME", help="the rig in question, as listed")
    made.add_argument("--extcap-dlts", action="store_true", help="what its frames are")
    made.add_argument("--extcap-config", action="store_true", help="its options: it has none")
    made.add_argument("--extcap-capture-filter", metavar="FILTER", default="", help="only frames that pass")
    made.add_argument("--capture", action="store_true", help="write its frames to the fifo")
    made.add_argument("--fifo", metavar="PATH", help="where to")
    return made


def show_interfaces() -> int:
    """One line for each rig that has a name."""
    from nicrig.rundir.paths import names

    print("extcap {version=0.1.0}{display=nicrig}")
    for name in names():
        print(f"interface {{value={PREFIX}{name}}}{{display=card of the nicrig rig {name}}}")
    return 0


def capture(interface: str, fifo: str | None, expression: str) -> int:
    """Capture into the fifo until Wireshark has enough; without one only the filter is tried."""
    import trio

    from nicrig.captures.capture import capture
    from nicrig.captures.filter import capture_filter
    from nicrig.errors import RigError
    from nicrig.rundir.paths import paths_of

    # Opened before anything can fail: Wireshark waits for that, and only then reads what is said.
    descriptor = None if fifo is None else os.open(fifo, os.O_WRONLY)
    try:
        paths, passes = paths_of(interface.removeprefix(PREFIX)), capture_filter(expression)
        if descriptor is not None:
            trio.run(lambda: capture(paths, descriptor, passes))
    except RigError as error:
        print(f"nicrig: {error}", file=sys.stderr)
        return error.exit_code
    return 0
