# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest suffered under its driver, by name: a verdict counts it like a broken rule (docs/coherency.md)."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path

from nicrig.rundir.logs import end_of, text_since
from nicrig.text.printable import printable

LOAD_FAILED = "load-failed"
GUEST_HUNG = "guest-hung"
GUEST_CRASHED = "guest-crashed"
BUFFERS_MISSING = "buffers-missing"
TOO_MANY_INTERRUPTS = "interrupt-storm"
NOT_RESET = "not-reset"
WRONG_ADDRESS = "wrong-address"
REFUSAL_HIDDEN = "refusal-hidden"
ERROR_IGNORED = "error-ignored"
LINK_HIDDEN = "link-hidden"
WRONG_STATISTICS = "wrong-statistics"

TROUBLE_DOC = {
    LOAD_FAILED: "the driver did not load, or its interface did not come up",
    GUEST_HUNG: "the guest did not answer in time",
    GUEST_CRASHED: "the guest's kernel panicked",
    BUFFERS_MISSING: "receive buffers that the driver had not posted when no frame was under way",
    NOT_RESET: "no send ended for 20 s, and neither driver nor NDIS reset the card",
    TOO_MANY_INTERRUPTS: "more than 2 interrupts for each frame that the card moved, or interrupts while none moves",
    REFUSAL_HIDDEN: "sends that the card refused, and the driver reported as sent",
    ERROR_IGNORED: "frames that the card gave back with an error, and the driver indicated",
    LINK_HIDDEN: "the cable was pulled or plugged, and the guest did not see it",
    WRONG_STATISTICS: "frames by which the driver's OID_GEN_RCV_OK and OID_GEN_XMIT_OK are wrong",
    WRONG_ADDRESS: "the station address that the driver reports is not the card's",
    "hang-reset": "MiniportCheckForHang said yes, and NDIS reset the miniport",
    "transmit-timeout": "no send completed in time, and NDIS reset the miniport",
    "used-after-free": "an oops of the guest's kernel over an address that was read from freed memory",
    "kernel-stall": "a CPU or a task of the guest was stuck",
    "kernel-bug": "a BUG, an oops or a panic of the guest's kernel",
    "kernel-warning": "a WARNING of the guest's kernel",
}
"""What each name means."""

SIGNS = {
    "hang-reset": ("the card hangs: reset",),
    "transmit-timeout": ("no send completed on queue",),
    "kernel-stall": (
        "soft lockup",
        "hard LOCKUP",
        "self-detected stall",
        "detected stalls on",
        "blocked for more than",
    ),
    "used-after-free": ("address 0x6b6b6b6b6b6b6b",),
    "kernel-bug": ("BUG: ", "kernel BUG at", "Oops: ", "general protection fault", "Kernel panic"),
    "kernel-warning": ("WARNING: ",),
}
"""The words in a line of the guest's console that stand for each. A line counts once, for the first that fits."""


class Console:
    """The guest's console while it is followed: a panic leaves nothing else, and takes the log with the rig."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    @contextmanager
    def following(self, log: Path) -> Iterator[None]:
        """Look at what comes in this block."""
        begin = end_of(log)
        try:
            yield
        finally:
            self.read(text_since(log, begin))

    def read(self, text: str) -> None:
        """Look for signs of trouble."""
        for line in text.splitlines():
            name = next((name for name, words in SIGNS.items() if any(word in line for word in words)), None)
            if name:
                self._found.setdefault(name, []).append(printable(line.strip()))

    def counts(self) -> dict[str, int]:
        """How many lines stand for each trouble, by name."""
        return {name: len(self._found[name]) for name in SIGNS if name in self._found}

    def lines(self, names: Container[str] = SIGNS) -> list[str]:
        """The first line of each of these, as the guest's kernel wrote it."""
        found = [name for name in SIGNS if name in self._found and name in names]
        return [f"{name}, the guest's kernel: {self._found[name][0]}" for name in found]
