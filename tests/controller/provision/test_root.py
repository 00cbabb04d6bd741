# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from nicrig.errors import RigError
from nicrig.provision.root import NOT_UNPACKED, Root, given, host_packages, key, mmdebstrap, packages

DOCKERFILE = Path(__file__).resolve().parents[3] / "docker/Dockerfile"


def test_qemu_is_left_out_when_the_host_has_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NICRIG_ROOT", raising=False)

    def included(with_qemu: bool) -> str:
        return next(word for word in mmdebstrap(Path("/x"), with_qemu=with_qemu) if word.startswith("--include="))

    assert "qemu-system-x86" in included(True)
    assert "qemu-system-x86" not in included(False)
    assert "linux-image-amd64" in included(False)
    assert key(True) != key(False)


def test_the_kernel_is_the_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-6.12.1-amd64").touch()
    root = Root(tmp_path)
    assert root.kernel_version == "6.12.1-amd64"
    assert root.kernel == tmp_path / "boot/vmlinuz-6.12.1-amd64"
    assert root.modules == tmp_path / "usr/lib/modules/6.12.1-amd64"


def test_a_root_without_kernel_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    with pytest.raises(RigError, match="nicrig setup"):
        _ = Root(tmp_path).kernel_version


def test_programs_are_found_in_either_folder(tmp_path: Path) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/qemu-ga").touch()
    assert Root(tmp_path).program("qemu-ga") == tmp_path / "usr/sbin/qemu-ga"
    with pytest.raises(RigError, match="no tc"):
        Root(tmp_path).program("tc")


def test_a_root_that_is_given_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-6.12.1-amd64").touch()
    monkeypatch.setenv("NICRIG_ROOT", str(tmp_path))
    assert given() == tmp_path
    assert host_packages() == ()
    first = key(with_qemu=True)
    (tmp_path / "boot/vmlinuz-6.12.1-amd64").rename(tmp_path / "boot/vmlinuz-6.12.2-amd64")
    assert key(with_qemu=True) != first


def test_the_containers_image_has_what_a_root_has_and_lacks_what_it_lacks() -> None:
    words = DOCKERFILE.read_text().split()
    assert set(packages(with_qemu=True)) <= set(words)
    assert {f"'{pattern}'" for pattern in NOT_UNPACKED} <= set(words)
