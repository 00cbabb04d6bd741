# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugs of a driver that are no changed calls: patches for guest_driver/, in tests/driver_bugs/, and what finds them.

`python -m tests.guest_driver.driver_bugs [NAME...]` runs them, all without a name, and prints what was found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import trio

from nicrig.provision import Provision, host_command, module, module_lines, provided
from nicrig.provision.cpio import Archive
from nicrig.provision.kernel_modules import from_file
from nicrig.provision.sources import GUEST_DRIVER
from nicrig.recorder import CALL_SITES_FILE
from nicrig.session.options import Options
from nicrig.session.rig import open_rig
from nicrig.verdict.demo import Demo
from nicrig.verdict.legs import LEGS, one_path
from nicrig.verdict.outcome import EchoOutcome
from nicrig.verifier.functions import Detail
from nicrig_interface.vocabulary import CardKind

FOLDER = Path(__file__).parents[1] / "driver_bugs"
TABLE = FOLDER / "table.toml"
PAGE = Path(__file__).parents[2] / "docs" / "driver-bugs.md"
DEMO = "demo"
FRAMES = 1000
EFFECTS = {"lost", "hang-reset", "not-reset", "transmit-timeout", "load-failed", "guest-hung", "guest-crashed"} | {
    f"kernel-{sign}" for sign in ("bug", "stall", "warning")
}
"""The names that say what came of a bug, not what the driver did."""


class Bug(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table. `names` is what the verdict of that run names at least; none if the bug is not found."""

    kind: CardKind
    run: str
    """`demo`, or the leg of `demo --thorough`."""
    names: tuple[str, ...] = ()
    measured: bool = True
    """False if it may be found: no run with it has been looked at."""
    parameters: tuple[str, ...] = ()
    """Of the driver's module: the way to the bug's lines."""


@cache
def table() -> dict[str, Bug]:
    """The bugs, by the names of their patches."""
    return msgspec.toml.decode(TABLE.read_bytes(), type=dict[str, Bug])


def patch_of(name: str) -> Path:
    """The file of a bug."""
    return FOLDER / f"{name}.patch"


def sentence(name: str) -> str:
    """What the driver does wrong."""
    return patch_of(name).read_text().partition("\n\n")[0]


def page(text: str) -> str:
    """docs/driver-bugs.md with its table made anew."""
    mark, end = "<!-- table: driver bugs -->\n", "<!-- end -->"
    runs = Counter(bug.run for bug in table().values() if bug.names)
    demo, more = runs[DEMO], runs.total() - runs[DEMO]
    causes = sum(not EFFECTS.issuperset(bug.names) for bug in table().values())
    found = (
        f"Of {len(table())} bugs, `nicrig demo` finds {demo}, and with `--thorough` {more} more. For {causes} of them "
        "the verdict names what the driver did, for the others only what came of it."
    )
    rows = [found, "", "| bug | kind | what the driver does | found by | named as |", "|---|---|---|---|---|"]
    for name, bug in sorted(table().items()):
        by = bug.run if bug.names else "not found" if bug.measured else "not measured yet"
        named = ", ".join(f"`{each}`" for each in bug.names)
        with_ = "".join(f" `{parameter}`" for parameter in bug.parameters)
        rows.append(f"| {name} | {bug.kind}{with_} | {sentence(name)} | {by} | {named} |")
    before, _, rest = text.partition(mark)
    return before + mark + "\n".join(rows) + "\n" + end + rest.partition(end)[2]


def patched(name: str, folder: Path, paths: Iterable[Path] | None = None) -> Path:
    """A copy of guest_driver/ below `folder` with this bug, or of these of its files.

    Raises CalledProcessError if the patch does not apply.
    """
    top = folder / "guest_driver"
    for path in module.sources() if paths is None else paths:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(GUEST_DRIVER / path, top / path)
    apply(name, folder)
    return top


def apply(name: str, folder: Path) -> None:
    """Apply the patch to guest_driver/ below `folder`."""
    # In a repository above, git would leave out files that are not in it.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    subprocess.run(["git", "apply", "-p1", str(patch_of(name))], cwd=folder, check=True, env=environment)


async def compiled(name: str, provision: Provision, folder: Path) -> Path:
    """The module with this bug, below `folder`: a copy of the plain build, where only changed files are compiled."""
    work = folder / "guest_driver"
    await trio.to_thread.run_sync(shutil.copytree, provision.module / module.BUILD, work)
    apply(name, folder)
    command = module.command_line(provision.root, work)
    await host_command.run(command, purpose=f"compiling the bug {name}", remedy="fix the patch")
    return work / module.MODULE


@asynccontextmanager
async def built(name: str, provision: Provision) -> AsyncIterator[Provision]:
    """In this block there is an image with this bug: the plain one, and an archive behind it with the module."""
    with tempfile.TemporaryDirectory() as scratch:
        made = from_file(await compiled(name, provision, Path(scratch)))
        data, call_sites = module_lines.stamped(made.data)
        archive = Archive()
        archive.file(f"lib/modules/{provision.root.kernel_version}/{made.name}.ko", data)
        path = Path(scratch) / "image.cpio"
        path.with_name(CALL_SITES_FILE).write_bytes(msgspec.json.encode(call_sites))
        path.write_bytes(provision.image.read_bytes() + archive.finish())
        yield replace(provision, image=path)


async def outcome_of(name: str, provision: Provision) -> EchoOutcome:
    """What the bug's run finds, on a machine of its own."""
    bug = table()[name]
    options = Options(detail=Detail.BYTES, ledger="report", kind=bug.kind, parameters=bug.parameters)
    async with built(name, provision) as buggy:
        legs = [one_path(FRAMES)] if bug.run == DEMO else [leg for leg in LEGS if leg.name == bug.run]
        return await Demo(options, lambda _: None, seed=1).on(open_rig(buggy, options), legs)


def named(outcome: EchoOutcome) -> dict[str, int]:
    """What the verdict names, and how often: words, rules, refusals, findings, and what the guest suffered."""
    words = {str(word): count for word, count in outcome.verdict.counts.items()}
    return {**words, **outcome.verdict.violations, **outcome.minor}


async def main(names: Sequence[str]) -> int:
    """Run these bugs, and print a line for each. Returns how many were not found as the table says."""
    provision, wrong = provided(), 0
    for name in names or sorted(table()):
        found = named(await outcome_of(name, provision))
        missing = [each for each in table()[name].names if each not in found]
        wrong += bool(missing)
        verdict = f"NOT NAMED {' '.join(missing)}" if missing else "ok" if found else "not found"
        print(name, verdict, *(f"{each}:{count}" for each, count in found.items()), sep="  ", flush=True)
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["--page"]:
        PAGE.write_text(page(PAGE.read_text()))
    else:
        sys.exit(min(trio.run(main, sys.argv[1:]), 1))
