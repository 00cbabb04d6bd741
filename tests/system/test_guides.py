# SPDX-License-Identifier: GPL-2.0-or-later
"""Does every step on the pages of docs/, as a reader would. `tests/pages.py` describes the steps."""

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

LONG = "it takes from minutes to hours; the page runs a second of it too"
SKIPPED = {
    "README.md": {
        "make demo": "docs/getting-started.md runs it too",
        "make test": "it runs this test",
        ".venv/bin/nicrig mutants": "it takes minutes; test_mutants.py runs samples",
    },
    "docs/reliability.md": {"make soak": LONG, "make soak SECONDS=36000 SEED=7": LONG},
}
PAGES = (
    *("README.md", "docs/getting-started.md", "docs/own-qemu.md", "docs/reliability.md", "docs/troubleshooting.md"),
    "docs/wire.md",
)


@pytest.fixture
def rigs() -> Iterator[Path]:
    """The folder for a page's rigs, stopped afterwards. Its name is the prefix of the page's files in /tmp."""
    with tempfile.TemporaryDirectory(prefix="nicrig-rigs-") as name:
        yield Path(name)
        if any(Path(name).iterdir()):
            environment = {**plain_environment(), "NICRIG_RIGS": name}
            subprocess.run([NICRIG, "down", "--all"], env=environment, timeout=SECONDS, check=True)
    for path in Path(name).parent.glob(f"{Path(name).name}.*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with links to everything in our checkout, so that the page writes its files into this folder."""
    for path in ROOT.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_every_step_of_the_page_works(page: str, checkout: Path, rigs: Path) -> None:
    path = f"{NICRIG.parent}:{os.environ['PATH']}"
    own = {"NICRIG_RIGS": str(rigs), "PATH": path, "HOME": str(checkout)}
    with Shell(checkout, {**plain_environment(), **own}) as shell:
        for step in steps(with_unique_names((ROOT / page).read_text(), rigs)):
            if not skipped(page, step):
                shell.do(step)


def skipped(page: str, step: File | Command) -> bool:
    return isinstance(step, Command) and step.text.partition("#")[0].strip() in SKIPPED.get(page, {})


def with_unique_names(page: str, rigs: Path) -> str:
    """The page with names and a port that no other program on this machine uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = re.sub(r"/run/user/\d+/nicrig", str(rigs), page)
    return re.sub(r"/tmp/(?!nicrig-)(?=[a-z])", f"{rigs}.", page).replace("8000", str(port))
