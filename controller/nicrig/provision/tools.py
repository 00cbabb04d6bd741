# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that only the tests need: the other ends at which people use nicrig."""

import shutil

from nicrig.provision import cache, host

TOOLS = {
    "chromium": "chromium",
    "passt": "passt",
    "sparse": "sparse",
    "tshark": "tshark",
}
"""Each program with the Debian package that it is in."""


async def provide(report: cache.Progress) -> None:
    """Have them on this host. Raises RigError, which names the packages that are missing and cannot be installed."""
    await host.install([package for name, package in TOOLS.items() if shutil.which(name) is None], report)
