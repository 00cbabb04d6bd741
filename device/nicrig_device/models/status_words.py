# SPDX-License-Identifier: GPL-2.0-or-later
"""The status words of descriptors, slots and transfers (docs/datasheet.md sections 5 and 9)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nicrig_device.spec.descriptors import STATUS_CODE_SHIFT, Refusal, Status

Codes: TypeAlias = npt.NDArray[np.uint16]
"""One Refusal for each descriptor or slot, 0 for none."""
STATUS_DONE = int(Status.DONE)


def refused_status(code: Refusal) -> int:
    """The status word of a descriptor or transfer that is refused with this code."""
    return Status.DONE | Status.ERROR | code << STATUS_CODE_SHIFT


def status_of(codes: Codes) -> npt.NDArray[np.uint16]:
    """The status words of descriptors or slots that go back: DONE, and ERROR with the code where refused."""
    refused = np.uint16(Status.DONE | Status.ERROR) | (codes << np.uint16(STATUS_CODE_SHIFT))
    return np.where(codes == 0, np.uint16(Status.DONE), refused)
