# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugs of a driver that are no changed calls: patches for guest_driver/, in tests/driver_bugs/."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

from nicrig.provision import Provision, image, module, provide
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
    # Without the ceiling, git would look for a repository above and leave out files that are not in it.
    apply = ["git", "apply", "-p1", str(FOLDER / f"{name}.patch")]
    subprocess.run(
        apply, cwd=folder, check=True, env={"GIT_CEILING_DIRECTORIES": str(folder.parent), "PATH": "/usr/bin:/bin"}
    )
    return top


async def built(name: str, folder: Path) -> Provision:
    """What a rig with this driver is started from; module and image are below `folder`."""
    provision = await provide(lambda _: None)
    sources = patched(name, folder)
    await module.make(folder, provision.root, lambda _: None, sources)
    modules = [folder / each for each in (module.MODULE, module.SELFTEST)]
    await image.make(folder, root=provision.root, modules=modules)
    return replace(provision, image=folder / image.IMAGE)


async def demo(provision: Provision, options: Options, *, count: int = 1000, unkind: bool = True) -> EchoOutcome:
    """What `nicrig demo` finds on a rig that is started from this."""
    options = replace(options, detail=Detail.BYTES, ledger="report")
    async with open_rig(provision, options) as rig:
        await rig.release()
        paths = rig.paths
        return await run_demo(options, count=count, seed=1, report=lambda _: None, paths=paths, unkind=unkind)
