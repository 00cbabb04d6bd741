# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from nicrig.errors import RigError
from nicrig.provision import windows
from tests.apart import run_apart

README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.mark.parametrize("name", ["miniport/send.c", "miniport/fifo/send.c", "windows/ndis.h", "windows/Makefile"])
def test_the_key_follows_every_source(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("a")
    first = windows.key(tmp_path)
    assert windows.key(tmp_path) == first
    (tmp_path / name).write_text("b")
    assert windows.key(tmp_path) != first


def test_the_linux_side_leaves_it_as_it_is(tmp_path: Path) -> None:
    first = windows.key(tmp_path)
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "pci.c").write_text("a")
    assert windows.key(tmp_path) == first


def test_missing_compilers_are_asked_for_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RigError) as caught:
        run_apart(windows.provide, lambda _: None)
    for package in windows.COMPILERS.values():
        assert package in str(caught.value)


def test_the_readme_names_the_packages() -> None:
    for package in windows.COMPILERS.values():
        assert package in README.read_text()
