# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing but a rig of this user is removed, whatever lies in the folder of rigs, and nothing waits."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from nicrig.errors import RigError, UsageError
from nicrig.rundir.directories import free_paths, last_lines, named_directory, run_directory, shared_directory
from nicrig.rundir.guest_lock import GuestLock
from nicrig.rundir.ownership import NoRigError, own_rig, remove_if_dead
from nicrig.rundir.paths import RigPaths, names, paths_named, paths_of
from nicrig.session.daemon import description
from nicrig.session.ending import end_rig
from tests.pages import ROOT

OTHER_USER = 12345


@pytest.fixture
def rigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "rigs"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("NICRIG_RIGS", str(folder))
    return folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of the user's, which looks like a rig as far as it can."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis").write_text("years")
    (folder / "lock").touch()
    return folder


def dead_run_folder(rigs: Path) -> Path:
    folder = rigs / "nicrig-run-dead"
    folder.mkdir(mode=0o700)
    (folder / "lock").touch()
    return folder


def everything_that_removes(path: Path) -> None:
    """What `down`, `down --all`, `up` and `serve` do, at this path."""
    for remove in (
        lambda: trio.run(end_rig, paths_of(str(path))),
        lambda: trio.run(end_rig, paths_of(path.name)),
        lambda: [trio.run(end_rig, paths_named(name)) for name in names()],
        lambda: free_paths(path.name),
        lambda: _use(named_directory(path.name)),
        lambda: _use(shared_directory(path)),
        lambda: _use(run_directory()),
        lambda: [description(RigPaths(path)), last_lines(RigPaths(path).card_log)],
    ):
        with suppress(RigError):
            remove()


def _use(made: object) -> None:
    with made:  # type: ignore[attr-defined]
        pass


@contextmanager
def soon() -> Iterator[None]:
    """Fail when the block hangs."""

    def fail(*_: object) -> None:
        raise AssertionError("it hangs")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def test_a_link_that_leads_elsewhere_is_no_rig_and_its_folder_stays(tmp_path: Path, rigs: Path, precious: Path) -> None:
    (rigs / "dev").symlink_to(precious)
    (tmp_path / "link").symlink_to(precious)
    assert names() == []
    for rig in ("dev", str(rigs / "dev"), str(tmp_path / "link"), f"{tmp_path}/link/"):
        with pytest.raises(NoRigError, match="no rig of yours") as refused:
            trio.run(end_rig, paths_of(rig))
        assert refused.value.exit_code == 2
    everything_that_removes(rigs / "dev")
    everything_that_removes(tmp_path / "link")
    assert (precious / "thesis").read_text() == "years"
    assert (precious / "lock").exists()
    with pytest.raises(UsageError, match="is not a rig: move it away"):
        free_paths("dev")


def test_a_folder_with_a_lock_alone_is_no_rig(precious: Path) -> None:
    with pytest.raises(NoRigError):
        remove_if_dead(RigPaths(precious))
    assert (precious / "lock").exists()


def test_a_lock_with_text_in_it_is_not_a_rigs(rigs: Path, tmp_path: Path) -> None:
    folder = dead_run_folder(rigs)
    (folder / "lock").write_text("4711")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "lock").write_text("4711")
    with pytest.raises(NoRigError):
        remove_if_dead(RigPaths(folder))
    with pytest.raises(UsageError, match="its lock is not a rig's"):
        _use(shared_directory(tmp_path / "shared"))
    assert (tmp_path / "shared" / "lock").read_text() == "4711"


def test_a_rig_json_of_the_users_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "rig.json").write_text("[1, 2]")
    with pytest.raises(UsageError, match=r"its rig\.json is not a rig's"):
        _use(shared_directory(tmp_path))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("rig.json", "[1, 2]")]


def test_a_planted_link_is_not_written_to_and_a_fifo_makes_no_one_wait(rigs: Path, precious: Path) -> None:
    for number, make in enumerate([_link(str(precious / "thesis")), os.mkfifo]):
        folder = rigs / f"nicrig-run-{number}"
        folder.mkdir(mode=0o700)
        for name in ("lock", "rig.json", "rig.new", "guest.lock", "card.log", "daemon.sock"):
            make(folder / name)
    with soon():
        everything_that_removes(rigs / "nicrig-run-0")
        everything_that_removes(rigs / "nicrig-run-1")
        with pytest.raises(OSError, match="symbolic link"):
            trio.run(GuestLock(RigPaths(rigs / "nicrig-run-0"))._try)
    assert (precious / "thesis").read_text() == "years"
    assert len(list((rigs / "nicrig-run-1").iterdir())) == 6


def test_what_the_user_put_into_a_rigs_folder_stays(tmp_path: Path, rigs: Path) -> None:
    with run_directory() as paths, shared_directory(tmp_path / "made") as shared:
        for folder in (paths.folder, shared.folder):
            (folder / "capture.pcapng").write_text("hours")
            (folder / "card.log").touch()
    assert [path.name for path in paths.folder.iterdir()] == ["capture.pcapng"]
    assert [path.name for path in shared.folder.iterdir()] == ["capture.pcapng"]
    everything_that_removes(paths.folder)
    assert (paths.folder / "capture.pcapng").exists()


def test_a_name_whose_run_folder_is_gone_is_free_again(rigs: Path) -> None:
    (rigs / "dev").symlink_to("nicrig-run-gone")
    assert names() == ["dev"]
    trio.run(end_rig, paths_of("dev"))
    (rigs / "dev").symlink_to("nicrig-run-gone")
    with named_directory("dev"):
        assert names() == ["dev"]
    assert list(rigs.iterdir()) == []


def test_the_next_rig_removes_the_name_of_a_dead_one_too(rigs: Path) -> None:
    (rigs / "dev").symlink_to(dead_run_folder(rigs).name)
    with named_directory("other"):
        assert names() == ["other"]


def test_a_folder_that_others_can_write_to_is_not_ours(rigs: Path) -> None:
    folder = dead_run_folder(rigs)
    folder.chmod(0o777)
    with pytest.raises(NoRigError):
        remove_if_dead(RigPaths(folder))
    folder.chmod(0o700)
    rigs.chmod(0o770)
    with pytest.raises(NoRigError):
        remove_if_dead(RigPaths(folder))
    with pytest.raises(UsageError, match="can be written by other users"):
        _use(run_directory(rigs))
    assert folder.exists()


def test_another_users_rig_is_not_ours(rigs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = dead_run_folder(rigs)
    us = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    with pytest.raises(NoRigError):
        remove_if_dead(RigPaths(folder))
    with pytest.raises(UsageError, match="belongs to another user"):
        names()
    assert folder.exists()


def test_a_living_rig_is_found_alive_and_by_its_name(rigs: Path) -> None:
    with named_directory("dev") as paths, own_rig(paths) as rig:
        assert rig.alive


def test_a_rigs_own_name_for_a_run_folder_is_not_given_to_a_shared_one(rigs: Path) -> None:
    with pytest.raises(UsageError, match="use another name"):
        _use(shared_directory(rigs / "nicrig-run-mine"))


def test_all_paths_of_a_rig_are_removed_with_it() -> None:
    paths = RigPaths(Path("/rig"))
    own = {value for name in dir(RigPaths) if isinstance(value := getattr(paths, name), Path)}
    assert own - {paths.folder} <= {*paths.files, *paths.sockets, paths.lock}


def test_no_other_code_removes_a_tree_or_signals_a_process() -> None:
    """The cache removes builds, and a child is signalled by the process that started it and has not waited for it."""
    words = re.compile(r"rmtree|os\.kill|killpg|pidfd_send_signal|send_signal")
    found = {
        str(path.relative_to(ROOT / "controller/nicrig"))
        for path in (ROOT / "controller/nicrig").rglob("*.py")
        if words.search(path.read_text())
    }
    assert found == {"provision/cache.py", "process/child.py"}


# Random trees.

KNOWN = ("lock", "rig.json", "card.log", "daemon.sock", "wire.sock", "rig.new", "guest.lock", "thesis")
TARGETS = ("../outside", "../outside/lock", "../outside/thesis", "nicrig-run-a", "nicrig-run-b", "dev", "nowhere", ".")

Make = Callable[[Path], None]
Folder = tuple[dict[str, tuple[Make, int]], int]
Tree = dict[str, tuple[Make | Folder, int]]


def _file(text: str) -> Make:
    def make(path: Path) -> None:
        path.write_text(text)

    return make


def _link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


leaves = st.one_of(
    st.sampled_from([_file(""), _file("text"), os.mkfifo, _socket, Path.mkdir]), st.sampled_from(TARGETS).map(_link)
)
owners = st.sampled_from([os.geteuid()] * 4 + ([OTHER_USER] if os.geteuid() == 0 else []))
modes = st.sampled_from([0o700] * 4 + [0o777, 0o755, 0o500])
insides = st.dictionaries(st.sampled_from(KNOWN), st.tuples(leaves, owners), max_size=5)
folders = st.tuples(
    st.one_of(insides, insides.map(lambda inside: {**inside, "lock": (_file(""), os.geteuid())})), modes
)
trees = st.dictionaries(
    st.sampled_from(["dev", "other", "dev.log", "nicrig-run-a", "nicrig-run-b"]),
    st.tuples(st.one_of(leaves, folders), owners),
    max_size=5,
)


def plant(rigs: Path, tree: Tree) -> None:
    for name, (what, owner) in tree.items():
        path = rigs / name
        if callable(what):
            what(path)
        else:
            inside, mode = what
            path.mkdir()
            for inner, (make, its_owner) in inside.items():
                make(path / inner)
                os.chown(path / inner, its_owner, -1, follow_symlinks=False)
            path.chmod(mode)
        os.chown(path, owner, -1, follow_symlinks=False)


def seen(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder, but sockets with the names of a rig's: `serve` there puts its own in their place.

    A folder's own times change when a file comes and goes in it.
    """
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *folder.rglob("*")]:
        facts = path.lstat()
        if stat.S_ISSOCK(facts.st_mode) and path.name in {each.name for each in RigPaths(folder).sockets}:
            continue
        content = path.read_bytes() if stat.S_ISREG(facts.st_mode) else path.is_symlink() and str(path.readlink())
        times = None if stat.S_ISDIR(facts.st_mode) else facts.st_mtime_ns
        found[str(path)] = (facts.st_mode, facts.st_uid, facts.st_ino, times, content)
    return found


def may_change(folder: Path) -> bool:
    """Whether this is a folder of ours with a lock of ours. All of a rig's names in it may go."""
    try:
        ours, lock = folder.lstat(), (folder / "lock").lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(ours.st_mode)
        and (ours.st_uid, lock.st_uid) == (os.geteuid(), os.geteuid())
        and not ours.st_mode & 0o022
        and stat.S_ISREG(lock.st_mode)
        and lock.st_size == 0
    )


@given(trees)
def test_whatever_lies_there_nothing_outside_a_rigs_own_folder_changes(tree: Tree) -> None:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name, pytest.MonkeyPatch.context() as patch, soon():
        rigs, outside = Path(name) / "rigs", Path(name) / "outside"
        patch.setenv("NICRIG_RIGS", str(rigs))
        rigs.mkdir(mode=0o700)
        outside.mkdir()
        for file in ("lock", "rig.json"):
            (outside / file).touch()
        (outside / "thesis").write_text("years")
        plant(rigs, tree)
        kept = [path for path in rigs.iterdir() if path.is_dir() and not path.is_symlink() and not may_change(path)]
        files = [path for path in rigs.glob("*/thesis") if not path.parent.is_symlink() and not path.is_socket()]
        before = [seen(path) for path in [outside, *kept]], [path.lstat() for path in files]
        for path in [*rigs.iterdir(), rigs / "dev"]:
            everything_that_removes(path)
        assert ([seen(path) for path in [outside, *kept]], [path.lstat() for path in files]) == before
