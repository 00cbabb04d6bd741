# SPDX-License-Identifier: GPL-2.0-or-later
"""sparse, the kernel's checker, finds nothing in nicrig.ko: address spaces, byte orders, contexts that it can see.

It runs inside the kernel's own build, in a copy of the build that the cache keeps, where nothing is compiled again. The
self-test is left out: it has the NDIS layer a second time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nicrig.provision import provide
from nicrig.provision.module import BUILD, command_line
from nicrig.provision.root import MODULE_MOUNT
from tests.apart import run_apart

pytestmark = pytest.mark.system

SECONDS = 600
EXCEPTIONS = (
    "-Wno-decl",  # a trampoline of mutable.c is declared under the name that it stands for
    "-Wno-context",  # NDIS has a function that takes a spin lock and another one that releases it
)


def test_sparse_warns_of_nothing(tmp_path: Path) -> None:
    provision = run_apart(provide, lambda _: None)
    work = tmp_path / "build"
    shutil.copytree(provision.module / BUILD, work)
    kbuild = work / "Kbuild"
    kbuild.write_text(kbuild.read_text().replace("obj-m := nicrig.o selftest/", "obj-m := nicrig.o"))
    checker = shutil.which("sparse")
    assert checker, "sparse is missing: make tools"
    shutil.copy(checker, work / "sparse")  # the build runs in the root, where only this folder is ours
    # C and CHECK count only on make's command line, which MAKEFLAGS is part of.
    wanted = {"MAKEFLAGS": f"C=2 CHECK=/{MODULE_MOUNT}/sparse", "CF": " ".join(EXCEPTIONS)}
    build = subprocess.run(
        command_line(provision.root, work),
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
