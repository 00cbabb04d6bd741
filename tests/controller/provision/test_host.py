# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from nicrig.errors import RigError
from nicrig.provision.host import QEMU, good_qemu, qemu_version, tool
from tests.fakes.programs import script


def qemu(folder: Path, version: str, devices: str) -> Path:
    return script(folder / QEMU, f"import sys; print({devices!r} if '-device' in sys.argv else {version!r})")


@pytest.mark.parametrize(
    ("version", "devices", "good"),
    [
        ("QEMU emulator version 10.1.0 (Debian)", 'name "vfio-user-pci", bus PCI', True),
        ("QEMU emulator version 11.1.3", 'name "vfio-user-pci", bus PCI', True),
        ("QEMU emulator version 10.1.0", 'name "vfio-pci", bus PCI', False),
        ("QEMU emulator version 7.2.17", 'name "vfio-user-pci", bus PCI', False),
        ("something else", 'name "vfio-user-pci", bus PCI', False),
    ],
)
def test_a_good_qemu_is_new_enough_and_has_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, devices: str, good: bool
) -> None:
    path = qemu(tmp_path, version, devices)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert good_qemu() == (path if good else None)


def test_a_missing_qemu_is_not_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert good_qemu() is None


def test_versions_compare_as_numbers() -> None:
    ten, nine = qemu_version("QEMU emulator version 10.2.1"), qemu_version("QEMU emulator version 9.2.0")
    assert ten == (10, 2)
    assert nine is not None
    assert ten > nine


def test_a_tool_on_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = script(tmp_path / "a-tool-of-ours", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tool("a-tool-of-ours") == str(path)


def test_a_missing_tool_is_refused_with_the_command_that_installs_it() -> None:
    with pytest.raises(RigError, match="pip install no-such-tool"):
        tool("no-such-tool")
