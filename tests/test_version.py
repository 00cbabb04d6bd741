# SPDX-License-Identifier: GPL-2.0-or-later
"""The version stands in controller/nicrig/__init__.py; the rest is read or generated from there."""

from __future__ import annotations

from importlib.metadata import version

from nicrig import __version__
from nicrig_device.monitor.version import GREETING, Version
from tests.guest_driver.sources import DRIVER, defines


def test_the_distribution_has_it() -> None:
    assert version("nicrig") == __version__, "run `make setup`"


def test_the_guest_driver_has_it() -> None:
    header = (DRIVER / "linux" / "version.h").read_text()
    assert defines(header)["SHIM_VERSION"] == f'"{__version__}"', "run `make generate`"


def test_the_monitor_has_it() -> None:
    shown = GREETING["QMP"]["version"]
    assert isinstance(shown, Version)
    assert __version__.startswith(f"{shown.qemu.major}.{shown.qemu.minor}.{shown.qemu.micro}")
