# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel modules with all that they depend on, in the form that busybox's modprobe reads."""

import lzma
import re
from dataclasses import dataclass
from pathlib import Path

from nicrig.errors import RigError


@dataclass(frozen=True)
class Module:
    """One module: its name as `lsmod` has it, its uncompressed contents, the names that it needs."""

    name: str
    data: bytes
    needs: tuple[str, ...]


def collect(modules: Path, wanted: tuple[str, ...]) -> list[Module]:
    """The modules named, and what they need, from a folder like /lib/modules/VERSION, each once.

    A name that is built into the kernel is left out. Raises RigError for a name that is no module of the kernel.
    """
    index = _index(modules)
    built_in = {_name(line) for line in (modules / "modules.builtin").read_text().splitlines()}
    found: dict[str, Module] = {}
    for name in wanted:
        if name not in index and name not in built_in:
            raise RigError(f"{modules} has no module {name}: change MODULES in controller/nicrig/provision/image.py")
        for each in (name, *index.get(name, ("", ()))[1]):
            if each in index and each not in found:
                path, needs = index[each]
                found[each] = Module(each, _contents(modules / path), needs)
    return list(found.values())


def from_file(path: Path) -> Module:
    """A module that was compiled outside the kernel's own tree; its own `depends=` lists what it needs."""
    data = path.read_bytes()
    depends = re.search(rb"\0depends=([^\0]*)\0", data)
    needs = tuple(name for name in depends[1].decode().split(",") if name) if depends else ()
    return Module(path.stem, data, needs)


def dependency_file(modules: list[Module]) -> str:
    """The text of modules.dep for modules that all lie beside it as NAME.ko."""
    return "".join(f"{module.name}.ko:{''.join(f' {name}.ko' for name in module.needs)}\n" for module in modules)


def _index(modules: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    lines = (modules / "modules.dep").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {_name(path): (path, tuple(_name(need) for need in needs.split())) for path, needs in pairs}


def _name(path: str) -> str:
    return Path(path).name.split(".")[0].replace("-", "_")


def _contents(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
