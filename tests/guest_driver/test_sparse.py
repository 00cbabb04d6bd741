# SPDX-License-Identifier: GPL-2.0-or-later
"""sparse, the kernel's checker, finds nothing in nicrig.ko: address spaces, byte orders, contexts that it can see.

It runs inside the kernel's own build, so the module is compiled once more. The self-test is left out: it would compile
the NDIS layer a second time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nicrig.provision import provide
from nicrig.provision.module import command_line, sources
from nicrig.provision.root import MODULE_MOUNT
from nicrig.provision.sources import GUEST_DRIVER
from tests.apart import run_apart

pytestmark = pytest.mark.system

SECONDS = 600
EXCEPTIONS = (
    "-Wno-decl",  # a trampoline of mutable.c is declared under the name that it stands for
    "-Wno-context",  # NDIS has a function that takes a spin lock and another one that releases it
)


def test_sparse_warns_of_nothing(tmp_path: Path) -> None:
    for path in sources():
        if path.parts[0] != "selftest":
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(GUEST_DRIVER / path, tmp_path / path)
    kbuild = tmp_path / "Kbuild"
    kbuild.write_text(kbuild.read_text().replace("obj-m := nicrig.o selftest/", "obj-m := nicrig.o"))
    checker = shutil.which("sparse")
    assert checker, "sparse is missing: make tools"
    shutil.copy(checker, tmp_path / "sparse")  # the build runs in the root, where only this folder is ours
    root = run_apart(provide, lambda _: None).root
    # C and CHECK count only on make's command line, which MAKEFLAGS is part of.
    wanted = {"MAKEFLAGS": f"C=2 CHECK=/{MODULE_MOUNT}/sparse", "CF": " ".join(EXCEPTIONS)}
    build = subprocess.run(
        command_line(root, tmp_path),
        env={**os.environ, **wanted},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert build.returncode == 0, build.stdout[-2000:]
    assert build.stdout.count("  CHECK ") > 40, build.stdout[-2000:]
    assert [line for line in build.stdout.splitlines() if "warning:" in line] == []
