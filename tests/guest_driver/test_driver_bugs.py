# SPDX-License-Identifier: GPL-2.0-or-later
"""Each bug in tests/driver_bugs/ can be made. tests/system/test_driver_bugs.py runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nicrig.provision import module
from nicrig.provision.sources import GUEST_DRIVER
from tests.guest_driver.driver_bugs import FOLDER, names, patched

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


def changed(name: str, folder: Path) -> list[Path]:
    """The files that the bug changes."""
    top = patched(name, folder)
    return [top / path for path in module.sources() if (top / path).read_bytes() != (GUEST_DRIVER / path).read_bytes()]


@pytest.mark.parametrize("name", names())
def test_each_bug_applies_and_says_what_it_is(name: str, tmp_path: Path) -> None:
    assert changed(name, tmp_path) != []
    assert (FOLDER / f"{name}.patch").read_text().partition("\n\n")[0].endswith(".")


@pytest.mark.real
@pytest.mark.parametrize("name", names())
def test_each_bug_compiles(name: str, tmp_path: Path) -> None:
    subprocess.run([*COMPILE, *map(str, changed(name, tmp_path))], check=True)
