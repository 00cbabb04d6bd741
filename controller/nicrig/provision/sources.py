# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the guest driver's sources are, and the checkout, if nicrig runs from one."""

from importlib.resources import files
from pathlib import Path

from nicrig.errors import UsageError

GUEST_DRIVER = Path(str(files("nicrig_guest_driver")))
"""`guest_driver/` of the checkout, or the copy of it that the wheel installs as `nicrig_guest_driver/`."""
CHECKOUT = GUEST_DRIVER.parent if GUEST_DRIVER.name == "guest_driver" else None
"""The folder that holds pyproject.toml; None when nicrig was installed from a wheel."""


def checkout(purpose: str) -> Path:
    """The checkout, for what is done only there. Raises UsageError when there is none."""
    if CHECKOUT is None:
        raise UsageError(f"{purpose} needs a checkout of nicrig, and this nicrig was installed without one")
    return CHECKOUT
