# SPDX-License-Identifier: GPL-2.0-or-later
"""What docs/datasheet.md promises a driver about written-back descriptors. Whole batches at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nicrig_device.spec.descriptors import STATUS_CODE_SHIFT, Descriptors, Flag, Refusal, Status
from nicrig_device.spec.registers import FRAME_MAX, FRAME_MIN


class RuleBrokenError(AssertionError):
    """The card did what the datasheet's `section` rules out."""

    def __init__(self, section: int, text: str) -> None:
        super().__init__(f"datasheet section {section}: {text}")
        self.section = section


def expect(holds: bool | np.bool_, section: int, text: str) -> None:
    """RuleBrokenError unless it holds."""
    if not holds:
        raise RuleBrokenError(section, text)


def _expect_all(holds: npt.NDArray[np.bool_], section: int, rule: str, got: Descriptors, posted: Descriptors) -> None:
    if not holds.all():
        bad = int(holds.argmin())
        fields = ", ".join(f"{name} {posted[name][bad]:#x} -> {got[name][bad]:#x}" for name in ("length", "flags"))
        where = f"address {posted['address'][bad]:#x} -> {got['address'][bad]:#x}, {fields}"
        raise RuleBrokenError(section, f"{rule} ({where}, status {got['status'][bad]:#x})")


def _statuses(descriptors: Descriptors) -> npt.NDArray[np.uint16]:
    return descriptors["status"]


def refused(descriptors: Descriptors) -> npt.NDArray[np.bool_]:
    """Which of them came back with an error."""
    return np.asarray(_statuses(descriptors) & Status.ERROR, np.bool_)


def refusal_codes(descriptors: Descriptors) -> npt.NDArray[np.uint16]:
    """The refusal code of each, 0 for none."""
    return _statuses(descriptors) >> np.uint16(STATUS_CODE_SHIFT)


def check_status(got: Descriptors, posted: Descriptors) -> None:
    """Sections 5 and 9: DONE alone, or DONE, ERROR and a known code; the address is never written."""
    _expect_all(got["address"] == posted["address"], 5, "the card wrote the address field", got, posted)
    known = np.isin(refusal_codes(got), tuple(Refusal))
    flags = got["status"] & ((1 << STATUS_CODE_SHIFT) - 1)
    good = (got["status"] == Status.DONE) | (known & (flags == (Status.DONE | Status.ERROR)))
    _expect_all(good, 9, "a status is DONE, or DONE with ERROR and a refusal code", got, posted)


def check_received(got: Descriptors, posted: Descriptors) -> None:
    """Section 5, receive: END_OF_FRAME and a length that buffer and datasheet allow; refused ones have length 0."""
    check_status(got, posted)
    wrong = refused(got)
    length = got["length"]
    _expect_all(~wrong | (length == 0), 5, "a refused receive has length 0", got, posted)
    _expect_all(wrong | (length <= posted["length"]), 5, "a frame is longer than its buffer", got, posted)
    legal = (length >= FRAME_MIN) & (length <= FRAME_MAX)
    _expect_all(wrong | legal, 2, f"a frame has {FRAME_MIN} to {FRAME_MAX} bytes", got, posted)
    _expect_all(wrong | (got["flags"] == Flag.END_OF_FRAME), 5, "a received frame has END_OF_FRAME alone", got, posted)


def check_transmitted(got: Descriptors, posted: Descriptors) -> None:
    """Section 5, transmit: the card writes the status and leaves what the driver said."""
    check_status(got, posted)
    same = (got["length"] == posted["length"]) & (got["flags"] == posted["flags"])
    _expect_all(same, 5, "the card changed the length or flags of a transmit descriptor", got, posted)
