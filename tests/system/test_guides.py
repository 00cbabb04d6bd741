# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of docs/ as their readers go through them; `tests/pages.py` says how."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import ROOT, Shell, steps
from tests.system.test_demo import NICRIG, SECONDS, plain_environment

pytestmark = pytest.mark.system

PAGES = ("own-qemu.md", "wire.md")


@pytest.fixture
def rigs() -> Iterator[Path]:
    """Where the rigs of a page are; nothing of them is left behind."""
    with tempfile.TemporaryDirectory(prefix="nicrig-rigs-") as name:
        yield Path(name)
        Path(f"{name}.passt").unlink(missing_ok=True)
        left = [path.name for path in Path(name).iterdir()]
        if left:
            environment = {**plain_environment(), "NICRIG_RIGS": name}
            subprocess.run([NICRIG, "down", "--all"], env=environment, timeout=SECONDS, check=False)
    assert left == [], "the page leaves rigs behind"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The reader's checkout: all of ours, but what the page writes is written beside it."""
    for path in ROOT.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(page: str, checkout: Path, rigs: Path) -> None:
    path = f"{NICRIG.parent}:{os.environ['PATH']}"
    with Shell(checkout, {**plain_environment(), "NICRIG_RIGS": str(rigs), "PATH": path}) as shell:
        for step in steps(own_names((ROOT / "docs" / page).read_text(), rigs)):
            shell.do(step)


def own_names(page: str, rigs: Path) -> str:
    """The page with names instead of its own that nobody else on this machine uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = re.sub(r"/tmp/nicrig-\d+", str(rigs), page)
    return page.replace("/tmp/passt.socket", f"{rigs}.passt").replace("8000", str(port))
