# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

from controller.provision import module


def tree(folder: Path) -> Path:
    for name in ("Kbuild", "ndis/memory.c", "ndis/include/ndis.h", "windows/entry.c", "ndis/memory.o", "nicrig.mod.c"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_the_sources_are_ours_and_no_product_of_a_build(tmp_path: Path) -> None:
    found = module.sources(tree(tmp_path))
    assert [str(path) for path in found] == ["Kbuild", "ndis/include/ndis.h", "ndis/memory.c"]


def test_the_key_follows_every_source_and_the_root(tmp_path: Path) -> None:
    top = tree(tmp_path)
    first = module.key("root", top)
    assert module.key("root", top) == first
    assert module.key("other root", top) != first
    (top / "ndis/include/ndis.h").write_text("changed")
    assert module.key("root", top) != first
