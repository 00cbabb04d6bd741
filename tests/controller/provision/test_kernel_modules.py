# SPDX-License-Identifier: GPL-2.0-or-later
import lzma
from pathlib import Path

import pytest

from nicrig.errors import RigError
from nicrig.provision.kernel_modules import collect, dependency_file, from_file


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    for name in ("8021q", "garp", "stp", "virtio-net"):
        (tmp_path / f"net/{name}.ko.xz").write_bytes(lzma.compress(name.encode()))
    (tmp_path / "modules.dep").write_text(
        "net/8021q.ko.xz: net/garp.ko.xz net/stp.ko.xz\n"
        "net/garp.ko.xz: net/stp.ko.xz\nnet/stp.ko.xz:\nnet/virtio-net.ko.xz:\n"
    )
    (tmp_path / "modules.builtin").write_text("kernel/drivers/virtio/virtio_pci.ko\n")
    return tmp_path


def test_a_module_brings_what_it_needs_once_and_uncompressed(modules: Path) -> None:
    found = collect(modules, ("8021q", "garp"))
    assert [(module.name, module.data) for module in found] == [("8021q", b"8021q"), ("garp", b"garp"), ("stp", b"stp")]


def test_a_dash_in_a_file_name_is_an_underscore_in_the_modules(modules: Path) -> None:
    assert [module.name for module in collect(modules, ("virtio_net",))] == ["virtio_net"]


def test_what_is_built_in_is_left_out(modules: Path) -> None:
    assert collect(modules, ("virtio_pci",)) == []


def test_an_unknown_module_is_named(modules: Path) -> None:
    with pytest.raises(RigError, match="warp_drive"):
        collect(modules, ("warp_drive",))


def test_the_dependency_file_is_modprobes(modules: Path) -> None:
    assert dependency_file(collect(modules, ("8021q",))) == "8021q.ko: garp.ko stp.ko\ngarp.ko: stp.ko\nstp.ko:\n"


@pytest.mark.parametrize(("depends", "needs"), [(b"", ()), (b"garp,stp", ("garp", "stp"))])
def test_our_own_module_lists_what_it_needs(tmp_path: Path, depends: bytes, needs: tuple[str, ...]) -> None:
    (tmp_path / "nicrig.ko").write_bytes(b"\x7fELF\0license=GPL\0depends=" + depends + b"\0name=nicrig\0")
    module = from_file(tmp_path / "nicrig.ko")
    assert (module.name, module.needs) == ("nicrig", needs)
