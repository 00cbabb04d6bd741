# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugs of a driver that are no changed calls: patches for guest_driver/, in tests/driver_bugs/."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

from nicrig.provision import Provision, host_command, image, module
from nicrig.provision.sources import GUEST_DRIVER
from nicrig.session.options import Options
from nicrig.session.rig import open_rig
from nicrig.verdict.demo import run_demo
from nicrig.verdict.outcome import EchoOutcome
from nicrig.verifier.functions import Detail

FOLDER = Path(__file__).parents[1] / "driver_bugs"


def names() -> list[str]:
    """The bugs."""
    return sorted(path.stem for path in FOLDER.glob("*.patch"))


def patched(name: str, folder: Path) -> Path:
    """A copy of guest_driver/ below `folder` with this bug. Raises CalledProcessError if the patch does not apply."""
    top = folder / "guest_driver"
    for path in module.sources():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        copyfile(GUEST_DRIVER / path, top / path)
    # In a repository above, git would leave out files that are not in it.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    subprocess.run(["git", "apply", "-p1", str(FOLDER / f"{name}.patch")], cwd=folder, check=True, env=environment)
    return top


async def built(name: str, provision: Provision, folder: Path) -> Provision:
    """With an image that has this bug. What was compiled in `folder` for another bug is used again."""
    source, made = folder / "source", folder / name
    made.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        top = patched(name, Path(scratch))
        for path in module.sources(top):
            target, data = source / path, (top / path).read_bytes()
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.read_bytes() != data:
                target.write_bytes(data)
    command = module.command_line(provision.root, source)
    await host_command.run(command, purpose=f"compiling the bug {name}", remedy="fix the patch")
    modules = [source / module.MODULE, source / "selftest" / module.SELFTEST]
    await image.make(made, root=provision.root, modules=modules)
    return replace(provision, image=made / image.IMAGE)


async def demo(provision: Provision, timing: str) -> EchoOutcome:
    """What `nicrig demo --card-timing TIMING` finds on a rig that is started from this."""
    options = Options(detail=Detail.BYTES, ledger="report")
    async with open_rig(provision, options) as rig:
        await rig.release()
        return await run_demo(options, count=1000, seed=1, report=lambda _: None, paths=rig.paths, timing=timing)
