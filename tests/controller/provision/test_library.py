# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

from controller.provision.library import private_apt


def test_apt_is_kept_to_our_own_folder(tmp_path: Path) -> None:
    text = private_apt(tmp_path).read_text()
    for setting in ("Dir::Etc::sourcelist", "Dir::State::lists", "Dir::Cache"):
        (line,) = (line for line in text.splitlines() if line.startswith(setting))
        assert str(tmp_path) in line
    assert 'Dir::Etc::sourceparts "-";' in text


def test_the_sources_are_signed_and_source_only(tmp_path: Path) -> None:
    private_apt(tmp_path)
    (line,) = (tmp_path / "sources.list").read_text().splitlines()
    assert line.startswith("deb-src [signed-by=")
