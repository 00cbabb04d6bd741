# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds generation_b.c: a library with the newest libvfio-user's ABI, for the loader's tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("generation_b.c")
SONAME = "libvfio-user.so.0"
HEADER = "#define LIBVFIO_USER_MAX_DMA_REGIONS 16\n"
"""How the generations differ in libvfio-user.h."""


def build_generation_b(folder: Path, library: Path) -> Path:
    """The path of a generation-B libvfio-user.so in `folder`, its header beside it, over generation A's `library`."""
    (folder / SONAME).symlink_to(library.resolve())
    (folder / "libvfio-user.h").write_text(HEADER)
    built = folder / "libvfio-user.so"
    needs = [str(folder / SONAME), "-Wl,-rpath,$ORIGIN", "-ldl"]
    flags = ["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-Wl,--no-as-needed"]
    subprocess.run(["cc", *flags, "-o", str(built), str(SOURCE), *needs], check=True)
    return built
