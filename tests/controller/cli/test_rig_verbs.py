# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nicrig.captures import extcap
from nicrig.cli import app
from nicrig.cli.app import USAGE

RUNNER = CliRunner()

ON_A_RIG = [
    ["up", "--foreground"],
    ["up"],
    ["serve"],
    ["status"],
    ["status", "dev"],
    ["down", "dev"],
    ["down", "--all"],
    ["run", "--rig", "dev", "--", "true"],
    ["demo", "--rig", "dev"],
    ["shell", "dev"],
    ["machine", "dev"],
    ["qemu-args", "dev"],
    ["qemu-args", "dev", "--whole"],
    ["recorder", "dev"],
    ["capture", "dev", "--write", "-"],
    ["replay", "dev", "frames.pcapng"],
    ["faults", "dev"],
    ["registers", "dev"],
    ["inject", "dev", "Ether()"],
    ["join", "dev", "other"],
    ["top", "dev"],
]


def spoilt_by_a_link(rigs: Path, mine: Path) -> str:
    rigs.symlink_to(mine)
    return "is a link"


def spoilt_by_its_mode(rigs: Path, mine: Path) -> str:
    mine.rename(rigs)
    rigs.chmod(0o770)
    return "can be written by other users"


def spoilt_by_being_a_file(rigs: Path, mine: Path) -> str:
    rigs.touch()
    return "is no folder"


@pytest.mark.parametrize("words", ON_A_RIG, ids=" ".join)
@pytest.mark.parametrize("spoil", [spoilt_by_a_link, spoilt_by_its_mode, spoilt_by_being_a_file])
def test_a_folder_of_rigs_that_is_not_ours_alone_is_refused_in_one_line(
    spoil: object, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(spoil)
    rigs, mine = tmp_path / "rigs", tmp_path / "mine"
    (mine / "nicrig-run-x").mkdir(parents=True)
    (mine / "nicrig-run-x" / "lock").touch()
    (mine / "dev").symlink_to("nicrig-run-x")
    why = spoil(rigs, mine)
    monkeypatch.setenv("NICRIG_RIGS", str(rigs))
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    done = RUNNER.invoke(app, words)
    assert done.exit_code == USAGE, done.stderr
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_wireshark_is_shown_no_rig_of_such_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rigs").symlink_to(tmp_path)
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path / "rigs"))
    assert extcap.show_interfaces() == USAGE
    assert "is a link" in capsys.readouterr().err


@pytest.mark.parametrize("rig", ["dev", "{}/rigs/dev", "{}/link", "{}/link/", "{}/precious", "{}/missing"])
def test_down_removes_nothing_and_exits_with_2_where_no_rig_is(
    rig: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path / "rigs"))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis").write_text("years")
    (tmp_path / "rigs").mkdir(mode=0o700)
    for link in ("rigs/dev", "link"):
        (tmp_path / link).symlink_to(tmp_path / "precious")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    done = RUNNER.invoke(app, ["down", rig.format(tmp_path)])
    assert done.exit_code == USAGE
    assert "no rig" in done.stderr
    assert RUNNER.invoke(app, ["down", "--all"]).exit_code == 0
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    assert (tmp_path / "precious" / "thesis").read_text() == "years"


def test_one_rig_that_does_not_end_leaves_the_others_to_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path))
    (tmp_path / "nicrig-run-odd").mkdir(mode=0o700)
    (tmp_path / "nicrig-run-dead").mkdir(mode=0o700)
    (tmp_path / "nicrig-run-dead" / "lock").touch()
    (tmp_path / "a").symlink_to("nicrig-run-odd")
    (tmp_path / "b").symlink_to("nicrig-run-dead")
    assert RUNNER.invoke(app, ["down", "--all"]).exit_code == USAGE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "nicrig-run-odd"]
