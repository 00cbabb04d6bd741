# SPDX-License-Identifier: GPL-2.0-or-later
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from nicrig.card.monitor import card_state
from nicrig.cli import app
from nicrig.cli.app import RIG_FAILED
from nicrig.process.qmp import Qmp
from nicrig.rundir.own_files import PREFIX
from nicrig.session import doctor
from nicrig.session.doctor import Health, judge_qemu
from nicrig_interface.answers import CardState
from tests.fakes.card_process import CardProcess

RUNNER = CliRunner()
VERSION = "QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1~bpo13+1)"
DEVICES = 'name "e1000", bus PCI\nname "vfio-user-pci", bus PCI'


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path has room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


def test_a_new_enough_qemu_with_the_device_is_good() -> None:
    assert judge_qemu(VERSION, DEVICES).state is Health.OK


@pytest.mark.parametrize(
    ("version", "devices", "found"),
    [
        ("QEMU emulator version 10.0.2", DEVICES, "10.0 with vfio-user-pci"),
        (VERSION, 'name "e1000", bus PCI', "11.1 without vfio-user-pci"),
        ("error while loading shared libraries", "", "does not run"),
    ],
)
def test_version_and_device_are_both_looked_at(version: str, devices: str, found: str) -> None:
    judged = judge_qemu(version, devices)
    assert judged.state is Health.FAIL
    assert found in judged.found
    assert judged.remedy


def test_each_failure_is_one_line_with_its_command_and_the_exit_code_is_125(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NICRIG_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("NICRIG_RIGS", str(tmp_path / ("x" * 90)))
    done = RUNNER.invoke(app, ["doctor"])
    assert done.exit_code == RIG_FAILED
    lines = done.stdout.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    failed = [line for line in lines if line.startswith("FAIL")]
    assert any(line.startswith("FAIL parts: not built: libvfio-user, root, kernel, module, image") for line in failed)
    assert any(line.startswith("FAIL sockets: ") for line in failed)
    assert all("; fix it with: " in line for line in failed)
    assert not (tmp_path / "empty").exists(), "it only looks"


@pytest.mark.real
def test_a_running_card_that_refused_memory_is_named(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mine", "ended"):
        (short_folder / name).symlink_to(f"{PREFIX}{name}")
    run = short_folder / f"{PREFIX}mine"
    run.mkdir(mode=0o700)
    monkeypatch.setenv("NICRIG_RIGS", str(short_folder))
    with CardProcess(run):
        assert doctor._ranges().found == "no running card has refused memory"

        async def with_refused(monitor: Qmp) -> CardState:
            return replace(await card_state(monitor), refused_ranges=8)

        monkeypatch.setattr(doctor, "card_state", with_refused)
        found = doctor._ranges()
    assert (found.state, found.found) == (Health.FAIL, "mine's card refused 8 ranges of guest memory")
    assert "4,096 ranges" in found.remedy


def test_the_same_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NICRIG_CACHE", str(tmp_path))
    found = json.loads(RUNNER.invoke(app, ["doctor", "--json"]).stdout)
    assert {each["name"] for each in found} >= {"python", "parts", "qemu", "kvm", "sockets", "disk", "memory"}
    assert {each["state"] for each in found} <= {"ok", "warn", "FAIL"}


@pytest.mark.real
def test_where_all_is_built_nothing_fails() -> None:
    done = RUNNER.invoke(app, ["doctor"])
    assert done.exit_code == 0, done.stdout
    assert "with vfio-user-pci" in done.stdout
