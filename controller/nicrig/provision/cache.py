# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache folder: each part is built once for each key, whole or not at all.

`<cache>/<part>-<key>/` holds one build and never changes again; `<cache>/<part>` is a link to the one that was used
last, for people and programs that need a stable path. A build grows in `<cache>/.<part>-<key>.<pid>.partial` and gets
its name by a rename at the end, so an interrupted one is never mistaken for a whole one.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio

from nicrig.errors import RigError
from nicrig.provision.sources import CHECKOUT

Progress = Callable[[str], None]
Recipe = Callable[[Path], Awaitable[None]]

# Enough for two checkouts with a few states of the driver each; more would only fill the disk.
KEPT_BUILDS = 4


def folder() -> Path:
    """Where nicrig keeps what it builds: NICRIG_CACHE, else the checkout's `.cache`, else the user's cache folder."""
    if named := os.environ.get("NICRIG_CACHE"):
        return Path(named).absolute()
    if CHECKOUT is not None:
        return CHECKOUT / ".cache"
    users = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (users if users.is_absolute() else Path.home() / ".cache") / "nicrig"


def key(*inputs: str | bytes) -> str:
    """A short name for a set of inputs: equal only when every input is equal."""
    digest = hashlib.sha256()
    for item in inputs:
        data = item.encode() if isinstance(item, str) else item
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def tree_sha256(root: Path) -> str:
    """The SHA-256, in hexadecimal, over every file below `root`: its relative path, length and contents, sorted."""
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(root)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


class Cache:
    """Builds parts on demand and finds them again."""

    def __init__(self, root: Path, report: Progress) -> None:
        self.root = root
        self.report = report

    def has(self, name: str, part_key: str) -> bool:
        return self.whole(name, part_key).is_dir()

    async def part(self, name: str, part_key: str, recipe: Recipe) -> Path:
        """The folder of part `name` for these inputs, built by `recipe(empty folder)` if it is not there.

        Two processes that want the same part build it once: the second waits. Raises what the recipe raises, and
        then leaves nothing behind.
        """
        whole = self.whole(name, part_key)
        if not whole.is_dir():
            self._make_root()
            async with self._lock(name):
                if not whole.is_dir():
                    await self._build(name, whole, recipe)
                    self._forget_old(name, keep=whole)
        self._point(name, whole)
        return whole

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RigError(
                f"cannot create the cache folder {self.root} ({error.strerror}): set NICRIG_CACHE to another folder"
            ) from None

    def whole(self, name: str, part_key: str) -> Path:
        """Where that part is, or would be."""
        return self.root / f"{name}-{part_key}"

    async def _build(self, name: str, whole: Path, recipe: Recipe) -> None:
        self.report(f"building {name} (once, kept in {self.root})")
        await self._sweep(name)
        partial = self.root / f".{whole.name}.{os.getpid()}.partial"
        partial.mkdir()
        try:
            await recipe(partial)
            partial.rename(whole)
        finally:
            with trio.CancelScope(shield=True):
                await self._sweep(name)

    async def _sweep(self, name: str) -> None:
        """Remove unfinished builds of the part. The caller holds its lock, so no process works on one."""
        for remains in self.root.glob(f".{name}-{'[0-9a-f]' * 16}.*partial"):
            # The commands of a killed build live on for seconds and still write. The next sweep removes what is left.
            with suppress(OSError):
                await trio.to_thread.run_sync(remove_tree, remains)

    @asynccontextmanager
    async def _lock(self, name: str) -> AsyncIterator[None]:
        with (self.root / f".{name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.report(f"waiting for another nicrig that is building {name}")
                await trio.to_thread.run_sync(fcntl.flock, file.fileno(), fcntl.LOCK_EX, abandon_on_cancel=True)
            yield

    def _point(self, name: str, whole: Path) -> None:
        link = self.root / name
        if link.is_symlink() and link.readlink() == Path(whole.name):
            return
        os.utime(whole)
        fresh = self.root / f".{name}.link-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(whole.name)
        fresh.replace(link)

    def _forget_old(self, name: str, keep: Path) -> None:
        builds = [path for path in self.root.glob(f"{name}-{'[0-9a-f]' * 16}") if path != keep]
        builds.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for old in builds[KEPT_BUILDS - 1 :]:
            remove_tree(old)


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it, even below folders without write permission: an unpacked root has some."""
    if not path.exists():
        return
    for inner, _, _ in os.walk(path):
        if os.geteuid() != 0:
            Path(inner).chmod(0o700)
    shutil.rmtree(path)
