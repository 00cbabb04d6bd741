# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that only the tests need, because people use nicrig together with them."""

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
    """Install those that this host lacks. Raises RigError with the packages that it cannot install."""
    await host.install([package for name, package in TOOLS.items() if shutil.which(name) is None], report)
