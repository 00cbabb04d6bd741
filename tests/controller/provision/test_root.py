# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from controller.errors import RigError
from controller.provision.root import Root, key, mmdebstrap


def test_qemu_is_left_out_when_the_host_has_a_good_one() -> None:
    def packages(with_qemu: bool) -> str:
        return next(word for word in mmdebstrap(Path("/x"), with_qemu=with_qemu) if word.startswith("--include="))

    assert "qemu-system-x86" in packages(True)
    assert "qemu-system-x86" not in packages(False)
    assert "linux-image-amd64" in packages(False)
    assert key(True) != key(False)


def test_the_kernel_is_the_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-6.12.1-amd64").touch()
    root = Root(tmp_path)
    assert root.kernel_version == "6.12.1-amd64"
    assert root.kernel == tmp_path / "boot/vmlinuz-6.12.1-amd64"
    assert root.modules == tmp_path / "usr/lib/modules/6.12.1-amd64"


def test_a_root_without_kernel_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    with pytest.raises(RigError, match="nicrig setup"):
        _ = Root(tmp_path).kernel_version


def test_programs_are_found_in_either_folder(tmp_path: Path) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/qemu-ga").touch()
    assert Root(tmp_path).program("qemu-ga") == tmp_path / "usr/sbin/qemu-ga"
    with pytest.raises(RigError, match="no tc"):
        Root(tmp_path).program("tc")
