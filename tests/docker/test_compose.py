# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job in containers: every command of docs/containers.md, its exit code and its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docker.engine import CHECKOUT, Engine

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("docker")]

FILE = "docker compose -f docker/compose.yaml"
COMMANDS = re.findall(r"^\$ (.*)$", (CHECKOUT / "docs/containers.md").read_text(), re.MULTILINE)
KVM = Path("/dev/kvm")

MAIN_JOB = f"{FILE} up --build --exit-code-from controller"
MUTANT = f"NICRIG_DEMO_PARAMETER=mutate=NdisFlushBuffer:skip:1/50:1 {FILE} up --exit-code-from controller"
STAY = f"{FILE} up --detach vm"
IN_GUEST = f"{FILE} run --rm controller nicrig run --rig /run/nicrig -- uname -r"
STATUS = f"{FILE} exec -T card nicrig status /run/nicrig"
DOWN = f"{FILE} down --volumes"
TESTS = f"{FILE} --profile test up --build --exit-code-from tests tests"
WITH_KVM = f"KVM_GROUP=$(stat -c %g /dev/kvm) {FILE} -f docker/compose.kvm.yaml up --exit-code-from controller"
BASE = ["docker/base.sh", "export NICRIG_BASE=nicrig-base"]
"""What the fixture does where no registry is reached."""


def test_every_command_of_the_page_is_run_here() -> None:
    assert [MAIN_JOB, MUTANT, STAY, IN_GUEST, STATUS, DOWN, TESTS, WITH_KVM, *BASE] == COMMANDS


def test_the_main_job_is_coherent(engine: Engine) -> None:
    ran = engine.run(MAIN_JOB)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "verdict: coherent: frames injected 1000 cpu 1000 echoed 1000 lost 0 corrupted 0" in ran.stdout


def test_a_violation_is_the_exit_code(engine: Engine) -> None:
    ran = engine.run(MUTANT)
    assert ran.returncode == 1, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "R98" in ran.stdout


def test_kvm_is_handed_in_by_the_override(engine: Engine) -> None:
    ran = engine.run(WITH_KVM if KVM.exists() else f"KVM_GROUP=0 {FILE} -f docker/compose.kvm.yaml config")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


def test_a_rig_stays_and_its_parts_have_no_privilege(engine: Engine) -> None:
    assert engine.run(STAY).returncode == 0
    in_guest = engine.run(IN_GUEST)
    assert in_guest.returncode == 0, in_guest.stderr
    assert "-amd64" in in_guest.stdout
    status = engine.run(STATUS)
    assert "a guest (" in status.stdout, status.stderr
    for part in ("card", "vm"):
        check_unprivileged(engine, part)
        check_bounded(engine, part)
    assert engine.run(DOWN).returncode == 0
    assert engine.run(f"{FILE} ps --quiet").stdout == ""


def check_unprivileged(engine: Engine, part: str) -> None:
    asked = "grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' /proc/1/status; ls /sys/class/net; touch /opt/nicrig/x"
    inside = engine.run(f'{FILE} exec -T {part} sh -c "{asked}"')
    words = inside.stdout.split()
    assert words[:5] == ["Uid:", *["1000"] * 4]
    assert words[5:11] == ["CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"]
    assert words[11:] == ["lo"]
    assert "Read-only file system" in inside.stderr


LIMITS = {"card": 1 << 30, "vm": 2 << 30}


def check_bounded(engine: Engine, part: str) -> None:
    """In force, by the files of cgroups version 1 or 2, and by the size of the file systems, in KiB."""
    files = "/sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max"
    files += " /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"
    inside = engine.run(f'{FILE} exec -T {part} sh -c "cat {files} 2>/dev/null; df -k --output=size /tmp /run/nicrig"')
    processes, memory, _, *sizes = inside.stdout.split()
    assert (int(processes), int(memory)) == (256, LIMITS[part])
    assert [int(size) for size in sizes] == [64 << 10, 128 << 10]


def test_the_tests_run_in_a_container(engine: Engine) -> None:
    """A part of them: all are run on this host as well. Here it is an ordinary user who gives up rights."""
    ran = engine.run(TESTS, PYTEST_ADDOPTS="tests/contracts/test_reset.py tests/device/test_confinement.py")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert re.search(r"\d+ passed", ran.stdout)
