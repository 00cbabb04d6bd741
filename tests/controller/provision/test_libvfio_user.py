# SPDX-License-Identifier: GPL-2.0-or-later
import re
from pathlib import Path

from nicrig.provision.libvfio_user import HOST_PACKAGES, private_apt

README = Path(__file__).resolve().parents[3] / "README.md"


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


def test_an_update_without_network_is_a_failure(tmp_path: Path) -> None:
    assert 'APT::Update::Error-Mode "any";' in private_apt(tmp_path).read_text()


def test_the_readme_names_every_package_that_root_installs() -> None:
    named = re.search(r"Debian packages that\s+it lacks: ([^.]*)\.", README.read_text())
    assert named is not None
    assert set(re.split(r",\s+", named[1])) == {"python3-venv", "mmdebstrap", *HOST_PACKAGES}
