# SPDX-License-Identifier: GPL-2.0-or-later
"""What README and docs say of the checkout is so. The commands that boot a guest are run in tests/system."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
SOURCES = [
    path
    for folder in ("device", "controller", "guest_driver", "tests", "benchmarks")
    for path in (CHECKOUT / folder).rglob("*")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_word_exists(page: Path) -> None:
    for word in re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text()):
        run = subprocess.run(["make", "--dry-run", word], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{page.name}: make {word}: {run.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES[:3], ids=lambda page: page.name)
def test_every_path_that_is_named_exists(page: Path) -> None:
    for path in re.findall(r"`((?:device|controller|guest_driver|tests|docs|benchmarks)/[\w./]*)`", page.read_text()):
        assert (CHECKOUT / path).exists(), f"{page.name}: {path}"


def test_every_source_names_its_licence() -> None:
    sources = [path for path in SOURCES if path.suffix in (".py", ".c", ".h")]
    assert len(sources) > 200
    bare = [path for path in sources if "SPDX-License-Identifier: GPL-2.0-or-later" not in path.read_text()[:200]]
    assert bare == []
