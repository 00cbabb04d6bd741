# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of docs/ as their readers go through them; `tests/pages.py` says how."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import ROOT, Command, File, Shell, steps
from tests.system.test_demo import NICRIG, SECONDS, plain_environment

pytestmark = pytest.mark.system

LEFT_OUT = {
    "make demo": "README.md has it, and docs/getting-started.md, which is run",
    "make test": "this is it",
    ".venv/bin/nicrig mutants": "it takes minutes, and test_mutants.py has samples",
}
PAGES = ("README.md", "docs/getting-started.md", "docs/own-qemu.md", "docs/troubleshooting.md", "docs/wire.md")


@pytest.fixture
def rigs() -> Iterator[Path]:
    """Where the rigs of a page are, which a page may leave to its reader; what it has in /tmp is named after this."""
    with tempfile.TemporaryDirectory(prefix="nicrig-rigs-") as name:
        yield Path(name)
        if any(Path(name).iterdir()):
            environment = {**plain_environment(), "NICRIG_RIGS": name}
            subprocess.run([NICRIG, "down", "--all"], env=environment, timeout=SECONDS, check=True)
    for path in Path(name).parent.glob(f"{Path(name).name}.*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The reader's checkout: all of ours, but what the page writes is written beside it."""
    for path in ROOT.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(page: str, checkout: Path, rigs: Path) -> None:
    path = f"{NICRIG.parent}:{os.environ['PATH']}"
    own = {"NICRIG_RIGS": str(rigs), "PATH": path, "HOME": str(checkout)}
    with Shell(checkout, {**plain_environment(), **own}) as shell:
        for step in steps(own_names((ROOT / page).read_text(), rigs)):
            if page != "README.md" or not left_out(step):
                shell.do(step)


def left_out(step: File | Command) -> bool:
    return isinstance(step, Command) and step.text.partition("#")[0].strip() in LEFT_OUT


def own_names(page: str, rigs: Path) -> str:
    """The page with names instead of its own that nobody else on this machine uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = re.sub(r"/tmp/nicrig-\d+", str(rigs), page)
    return re.sub(r"/tmp/(?!nicrig-)(?=[a-z])", f"{rigs}.", page).replace("8000", str(port))
