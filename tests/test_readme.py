# SPDX-License-Identifier: GPL-2.0-or-later
"""README, docs and the other pages are true of the checkout. tests/system runs the commands that boot a guest."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(CHECKOUT.glob("*.md")), *sorted((CHECKOUT / "docs").rglob("*.md"))]
OTHERS_TREES = {"ndis51.md"}
"""Pages that name files of other projects."""
ARCHITECTURE = (CHECKOUT / "docs" / "architecture.md").read_text()
GLOSSARY = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| `([^`]+)`(?: \(`(\w+)`\))? \|$", (CHECKOUT / "docs" / "glossary.md").read_text(), re.M
)
PACKAGES = ["device/nicrig_device", "controller/nicrig"]
SOURCES = [
    path
    for folder in ("device", "controller", "guest_driver", "tests", "benchmarks")
    for path in (CHECKOUT / folder).rglob("*")
]


def name(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_word_exists(page: Path) -> None:
    for word in re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text()):
        run = subprocess.run(["make", "--dry-run", word], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{page.name}: make {word}: {run.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OTHERS_TREES], ids=name)
def test_every_path_that_is_named_exists(page: Path) -> None:
    for path in re.findall(r"\b(?:device|controller|guest_driver|tests|benchmarks)/[\w./-]*\w", page.read_text()):
        assert (CHECKOUT / path).exists(), f"{page.name}: {path}"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_on_architecture_has_every_room(package: str) -> None:
    (section,) = re.findall(rf"`{package}/`, top to bottom.*?\n\n(.*?)\n\n", ARCHITECTURE, re.DOTALL)
    shown = {
        room.rstrip("/") for row in section.splitlines()[2:] for room in re.findall(r"`(\w+/?)`", row.split("|")[1])
    }
    there = {
        path.stem for path in (CHECKOUT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert shown == there - {"__init__"}


def test_the_glossary_has_each_word_once() -> None:
    words = [word for word, _, _ in GLOSSARY]
    assert len(words) > 40
    assert words == sorted(set(words))


@pytest.mark.parametrize(("word", "path", "symbol"), GLOSSARY)
def test_a_word_of_the_glossary_lives_where_it_says(word: str, path: str, symbol: str) -> None:
    assert symbol in (CHECKOUT / path).read_text(), f"{word}: {symbol} is not in {path}"


def test_every_source_names_its_licence() -> None:
    sources = [path for path in SOURCES if path.suffix in (".py", ".c", ".h")]
    assert len(sources) > 200
    bare = [path for path in sources if "SPDX-License-Identifier: GPL-2.0-or-later" not in path.read_text()[:200]]
    assert bare == []


PROMISING = ("SECURITY.md", "docs/reliability.md")
"""The pages with a table of promises and their tests."""
PROMISES = {
    page: re.findall(r"\| `(tests/[\w/.]+)` `(\w+)` \|$", (CHECKOUT / page).read_text(), re.MULTILINE)
    for page in PROMISING
}


@pytest.mark.parametrize(("path", "test"), [promise for page in PROMISING for promise in PROMISES[page]])
def test_each_promise_has_its_test(path: str, test: str) -> None:
    assert f"def {test}(" in (CHECKOUT / path).read_text()


@pytest.mark.parametrize("page", PROMISING)
def test_each_promise_names_a_test(page: str) -> None:
    rows = [line for line in (CHECKOUT / page).read_text().splitlines() if line.startswith("|")]
    heads = [line for line in rows if line.startswith(("| promise", "|---"))]
    assert len(PROMISES[page]) == len(rows) - len(heads) > 15
