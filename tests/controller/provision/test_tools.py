# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from nicrig.errors import RigError
from nicrig.provision import tools
from tests.apart import run_apart

README = Path(__file__).resolve().parents[3] / "README.md"


def test_missing_tools_are_asked_for_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RigError) as caught:
        run_apart(tools.provide, lambda _: None)
    for package in tools.TOOLS.values():
        assert package in str(caught.value)


def test_the_readme_names_the_packages() -> None:
    for package in tools.TOOLS.values():
        assert package in README.read_text()
