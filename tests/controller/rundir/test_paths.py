# SPDX-License-Identifier: GPL-2.0-or-later
import os
import tempfile
from pathlib import Path

import pytest

from nicrig.errors import UsageError
from nicrig.rundir.directories import named_directory, shared_directory
from nicrig.rundir.ownership import remove_if_dead
from nicrig.rundir.paths import RigPaths, log_of, names, names_folder, paths_named, paths_of


@pytest.fixture(autouse=True)
def rigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path / "rigs"))
    return tmp_path / "rigs"


def test_a_named_rig_is_found_by_its_name_while_it_is_there(rigs: Path) -> None:
    with named_directory("dev") as paths:
        assert paths_of("dev") == paths == paths_named("dev")
        assert names() == ["dev"]
    assert names() == []
    assert list(rigs.iterdir()) == []


def test_its_folder_is_this_users_alone(rigs: Path) -> None:
    with named_directory("dev") as paths:
        assert rigs.stat().st_mode & 0o77 == 0
        assert paths.folder.stat().st_mode & 0o77 == 0


def test_a_folder_is_a_place_too(tmp_path: Path) -> None:
    assert paths_of(str(tmp_path)) == RigPaths(tmp_path)


def test_a_second_rig_of_the_name_is_refused_and_the_first_stays() -> None:
    with named_directory("dev") as paths:
        with pytest.raises(UsageError, match="a rig dev runs already: nicrig down dev"), named_directory("dev"):
            pass
        assert paths.folder.is_dir()


def test_what_a_killed_rig_left_is_removed_and_the_name_is_free(rigs: Path) -> None:
    dead = rigs / "nicrig-run-dead"
    dead.mkdir(parents=True)
    (dead / "lock").touch()
    (rigs / "dev").symlink_to(dead.name)
    with named_directory("dev") as paths:
        assert paths.folder.is_dir()
    assert list(rigs.iterdir()) == []


def test_a_living_rig_is_not_dead() -> None:
    with named_directory("dev") as paths:
        assert not remove_if_dead(paths)
        assert paths.folder.is_dir()


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "x" * 32])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a rig"), named_directory(name):
        pass


def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 90)
    monkeypatch.setenv("NICRIG_RIGS", str(deep))
    with pytest.raises(UsageError, match="107 bytes"), named_directory("dev"):
        pass
    assert not deep.exists()


def test_the_error_of_a_missing_rig_lists_the_others_and_says_how_it_ended() -> None:
    with pytest.raises(UsageError, match="no rig dev: nicrig up --name dev starts one"):
        paths_of("dev")
    with named_directory("other"):
        log_of("dev").write_text("nicrig: the guest panicked\n")
        with pytest.raises(UsageError, match=r"there is other; the last one of that name ended so:\nnicrig: the guest"):
            paths_of("dev")


def test_a_folder_that_is_given_stays_if_it_was_there(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name, stays in (("there", True), ("new", False)):
        with shared_directory(tmp_path / name) as paths:
            assert paths.folder.is_dir()
        assert (tmp_path / name).exists() is stays
    assert list((tmp_path / "there").iterdir()) == []


def test_a_second_card_in_a_folder_that_is_given_is_refused_and_the_first_stays(tmp_path: Path) -> None:
    with shared_directory(tmp_path / "here") as paths:
        with pytest.raises(UsageError, match="here already: nicrig down"), shared_directory(tmp_path / "here"):
            pass
        assert not remove_if_dead(paths)
        assert paths.lock.exists()


def test_a_description_that_a_killed_card_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    paths = RigPaths(tmp_path)
    paths.lock.touch()
    paths.description.write_text("{}")
    (tmp_path / "others").touch()
    assert remove_if_dead(paths)
    assert [path.name for path in tmp_path.iterdir()] == ["others"]


def test_rigs_live_in_the_users_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="run-") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        assert str(names_folder()).endswith("/rigs"), "NICRIG_RIGS wins"
        monkeypatch.delenv("NICRIG_RIGS")
        assert names_folder() == Path(runtime, "nicrig")
        with named_directory("dev") as paths:
            assert paths.folder == Path(runtime, "nicrig", "dev")
            assert paths.folder.parent.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("why_not", ["unset", "missing", "relative", "too long", "writable", "another user's"])
def test_a_runtime_folder_that_cannot_hold_rigs_is_left_for_tmp(why_not: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NICRIG_RIGS")
    us = os.geteuid() if why_not != "another user's" else os.geteuid() + 54321
    with tempfile.TemporaryDirectory(prefix="run-") as name:
        deep = Path(name, "x" * 60)
        deep.mkdir(mode=0o700)
        Path(name).chmod(0o770 if why_not == "writable" else 0o700)
        given = {"missing": f"{name}/none", "relative": ".", "too long": str(deep)}
        monkeypatch.setenv("XDG_RUNTIME_DIR", given.get(why_not, name))
        if why_not == "unset":
            monkeypatch.delenv("XDG_RUNTIME_DIR")
        monkeypatch.setattr(os, "geteuid", lambda: us)
        assert names_folder() == Path(f"/tmp/nicrig-{us}")


def test_only_links_to_run_folders_beside_them_are_names_of_rigs(rigs: Path) -> None:
    rigs.mkdir(mode=0o700)
    (rigs / "rig").symlink_to("nicrig-run-x")
    for number, target in enumerate(("/etc", "../nicrig-run-x", "nicrig-run-x/inner", "other", "nicrig-run-", ".")):
        (rigs / f"link{number}").symlink_to(target)
    (rigs / "nicrig-run-x").mkdir()
    assert names() == ["rig"]
