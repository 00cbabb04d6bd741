# SPDX-License-Identifier: GPL-2.0-or-later
"""A page as a browser shows it: headless Chromium, with no network and a profile of its own."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60.0
"""It starts in about three."""
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--window-size=1300,3000"),
)


@dataclass(frozen=True)
class Shown:
    """`html` when the page's scripts have run, `console` what they, or the browser, had to say, `picture` a PNG."""

    html: str
    console: list[str]
    picture: bytes


def show(page: Path) -> Shown:
    """Open the page. Raises CalledProcessError when the browser fails."""
    with tempfile.TemporaryDirectory(prefix="nicrig-browser-") as folder:
        picture = Path(folder) / "picture.png"
        where = [f"--user-data-dir={folder}/profile", f"--screenshot={picture}", "--dump-dom", page.as_uri()]
        done = subprocess.run(["chromium", *FLAGS, *where], capture_output=True, text=True, check=True, timeout=SECONDS)
        console = re.findall(r":CONSOLE[:(]\d+\)?\] (.*)", done.stderr)
        return Shown(done.stdout, console, picture.read_bytes())
