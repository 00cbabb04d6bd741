# SPDX-License-Identifier: GPL-2.0-or-later
import subprocess
from pathlib import Path

import pytest

from nicrig.provision import module
from nicrig.provision.root import Root
from tests.fakes.programs import script


def tree(folder: Path) -> Path:
    for name in ("Kbuild", "ndis/memory.c", "ndis/include/ndis.h", "windows/entry.c", "ndis/memory.o", "nicrig.mod.c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_the_sources_are_without_products_of_a_build(tmp_path: Path) -> None:
    found = module.sources(tree(tmp_path))
    assert [str(path) for path in found] == ["Kbuild", "ndis/include/ndis.h", "ndis/memory.c"]


def test_the_key_follows_every_source_and_the_root(tmp_path: Path) -> None:
    top = tree(tmp_path)
    first = module.key("root", top)
    assert module.key("root", top) == first
    assert module.key("other root", top) != first
    (top / "ndis/include/ndis.h").write_text("changed")
    assert module.key("root", top) != first


def test_chroot_is_found_on_the_path_of_a_plain_user(tmp_path: Path) -> None:
    script(tmp_path / "mount", "")
    argv = [str(module.SCRIPT), str(tmp_path / "no-root"), "sources", "mount", "kernel"]
    done = subprocess.run(argv, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=False)
    # chroot's own code when it cannot enter; 127 would be the shell's, for a chroot that it does not find.
    assert done.returncode == 125


def test_the_system_itself_as_root_takes_neither_mount_nor_chroot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Root, "kernel_version", "6.12.1-amd64")
    argv = module.command_line(Root(Path("/")), Path("/work"))
    assert argv[:4] == ["make", "-C", "/usr/lib/modules/6.12.1-amd64/build", "M=/work"]
    assert module.command_line(Root(Path("/other")), Path("/work"))[0] == "unshare"
