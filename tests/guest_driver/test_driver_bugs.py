# SPDX-License-Identifier: GPL-2.0-or-later
"""Each bug in tests/driver_bugs/ can be made, and has its row. tests/system/test_driver_bugs.py runs them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from nicrig.provision.sources import GUEST_DRIVER
from nicrig.verdict.guest_trouble import TROUBLE_DOC
from nicrig.verifier.rules import RULES
from nicrig.witnesses.words import WORDS
from nicrig_device.spec.counters import COUNTERS
from tests.guest_driver.driver_bugs import EFFECTS, FOLDER, PAGE, page, patch_of, patched, sentence, table

MINGW = "x86_64-w64-mingw32"
COMPILE = [
    f"{MINGW}-gcc",
    "-fsyntax-only",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fno-strict-aliasing",
    "-D_WIN32_WINNT=0x0501",
]
COMPILE += ["-DNDIS51_MINIPORT", "-DNDIS_MINIPORT_DRIVER", f"-I{GUEST_DRIVER / 'windows'}"]
COMPILE += ["-isystem", f"/usr/{MINGW}/include/ddk"]
"""As guest_driver/windows/Makefile has it: the miniport's files compile there in a second, and need no kernel."""

CHANGED = re.compile(r"^\+\+\+ b/guest_driver/(miniport/\S+)$", re.MULTILINE)
BUGS = sorted(table())


def changed(name: str) -> list[Path]:
    """The files that the bug changes."""
    return list(map(Path, CHANGED.findall(patch_of(name).read_text())))


def test_each_patch_has_a_row_and_each_row_a_patch() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.patch")) == BUGS


@pytest.mark.parametrize("name", BUGS)
def test_each_bug_applies_to_the_miniport_and_says_what_it_is(name: str, tmp_path: Path) -> None:
    files = changed(name)
    top = patched(name, tmp_path, files)
    assert files
    assert all((top / path).read_bytes() != (GUEST_DRIVER / path).read_bytes() for path in files)
    assert sentence(name).endswith(".")
    assert "\n" not in sentence(name)


def test_what_names_a_bug_exists() -> None:
    names = {name for bug in table().values() for name in bug.names}
    refusals = {counter.removeprefix("refused_") for counter in COUNTERS}
    assert {*WORDS, *TROUBLE_DOC} >= EFFECTS
    assert names <= {*WORDS, *RULES, *TROUBLE_DOC, *refusals}


def test_the_page_has_the_table() -> None:
    assert PAGE.read_text() == page(PAGE.read_text()), "run `make generate`"


@pytest.mark.soak
@pytest.mark.real
@pytest.mark.parametrize("name", BUGS)
def test_each_bug_compiles(name: str, tmp_path: Path) -> None:
    top = patched(name, tmp_path)
    paths = [top / path for path in changed(name)]
    # A header is compiled with the files beside it.
    sources = [path for path in paths if path.suffix == ".c"] or [*paths[0].parent.glob("*.c")]
    subprocess.run([*COMPILE, *map(str, sources)], check=True)
