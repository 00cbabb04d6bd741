# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin as users run it: in their own pytest, whose tests fail, die, are interrupted, run in parallel."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
import trio
from scapy.utils import rdpcap

from nicrig.provision import Provision
from nicrig.rundir.own_files import PREFIX
from nicrig.session.options import Options
from nicrig.session.rig import open_rig

pytestmark = pytest.mark.system

HEAD = """
import os, signal
import pytest
from scapy.layers.inet import ICMP, IP, UDP
"""
WRONG_ANSWERS = (
    HEAD
    + """
def test_wrong_answer(sync_nic):
    sync_nic.inject(IP() / UDP(dport=7) / b"hi")
    sync_nic.expect(IP(src="10.0.0.2") / UDP(sport=8) / b"hi", timeout=0.1)

@pytest.mark.nicrig(ledger="report", parameters=["mutate=NdisFreeMemory:skip"])
async def test_a_driver_that_errs(nic):
    await nic.unload()
    assert (await nic.verdict()).coherent

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_on_asyncio(nic, anyio_backend):
    await nic.inject(IP() / ICMP())
    await nic.expect(ICMP)

async def test_the_card_dies(nic, nicrig_session):
    print("CARD", nicrig_session.rig.card.pid, nicrig_session.rig.paths.folder)
    os.kill(nicrig_session.rig.card.pid, signal.SIGKILL)
    await nic.expect(UDP, timeout=1000)

async def test_that_is_interrupted(nic, nicrig_session):
    await nic.inject(IP() / ICMP())
    await nic.expect(ICMP)
    with open("reached", "w") as file:
        print(os.getpid(), nicrig_session.rig.card.pid, nicrig_session.rig.paths.folder, file=file)
    await nic.expect(UDP, timeout=1000)
"""
)
ABREAST = (
    HEAD
    + """
from nicrig.pytest_plugin import SETTINGS

def tell(session, request, who=None):
    worker = who or os.environ.get("PYTEST_XDIST_WORKER", "alone")
    print("RIG", worker, session.rig.paths.folder, request.config.stash[SETTINGS].seed)

@pytest.mark.parametrize("number", range(2))
def test_abreast(sync_nic, number, nicrig_session, request):
    sync_nic.inject(IP() / ICMP(id=number))
    sync_nic.expect(ICMP(id=number))
    tell(nicrig_session, request)
"""
)
FRESH = """
@pytest.mark.nicrig(fresh=True)
def test_alone(sync_nic, sync_guest, nicrig_session, request):
    sync_guest.run(["rm", "-r", "/etc"])
    tell(nicrig_session, request, "fresh")

def test_after_it(sync_guest, nicrig_session, request):
    sync_guest.run(["ls", "/etc"])
    tell(nicrig_session, request)
"""
"""A test that spoils its guest has one of its own."""
CONTROLLED = (
    HEAD
    + """
@pytest.mark.nicrig(interrupts="msi")
def test_three_rounds_and_the_card_stays_out(sync_nic, sync_machine, nicrig_session):
    print("CARD", nicrig_session.rig.card.pid, nicrig_session.rig.paths.folder)
    for round_number in range(3):
        sync_machine.unplug()
        sync_machine.plug()
        sync_nic.inject(IP() / ICMP(id=round_number))
        sync_nic.expect(ICMP(id=round_number))
    assert sync_nic.verdict().coherent
    sync_machine.kill_card()
    sync_machine.unplug()

@pytest.mark.nicrig(interrupts="msi")
async def test_the_next_machine_is_whole(nic, machine, monitor):
    await machine.kill_card()
    await machine.unplug()
    await machine.restart_card()
    await machine.plug()
    assert (await monitor.execute("query-card"))["interrupts"] == "msi"
    await nic.inject(IP() / ICMP())
    await nic.expect(ICMP)
    assert (await nic.verdict()).coherent
    await machine.reboot()
    await nic.inject(IP() / UDP(dport=7) / b"hi")
    await nic.expect(UDP)
    assert (await nic.verdict()).coherent
    await nic.unload()
    assert (await nic.verdict()).coherent
"""
)
ATTACHED = """
def test_of_a_rig_of_its_own(sync_machine):
    sync_machine.reboot()
"""
PATIENCE = 300


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A pytest in that folder, in a session of its own, as a terminal starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", str(folder / "temp"), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def ended(run: subprocess.Popen[str]) -> Iterator[None]:
    """Kill it at the end, whatever happens."""
    try:
        yield
    finally:
        run.kill()
        run.wait()


def section(shown: str, test: str, title: str) -> str:
    """The lines of a section of a test's report."""
    report = re.split(r"^_{3,} (\w+) _{3,}$", shown, flags=re.MULTILINE)
    told = report[report.index(test) + 1]
    found = re.search(rf"^-+ nicrig: {title} -+\n(.*?)(?=^-{{3,}})", told + "\n----", re.MULTILINE | re.DOTALL)
    assert found, f"{test} has no section {title}:\n{told}"
    return found[1]


def test_failures_death_and_interruption_are_reported_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(WRONG_ANSWERS)
    run = started(tmp_path, "--nicrig-keep=kept", "--nicrig-seed=5", "--junitxml=junit.xml", "--tb=short")
    with ended(run):
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "reached").exists() and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert run.poll() is None, run.stdout and run.stdout.read()
        run.send_signal(signal.SIGINT)
        shown, _ = run.communicate(timeout=PATIENCE)
    print(shown)
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    check_wrong_answer(shown, tmp_path)
    assert "R27" in section(shown, "test_a_driver_that_errs", "verdict")
    assert re.search(r"^E +nicrig.errors.PartDeathError: the card's process ended with code -9", shown, re.MULTILINE)
    assert "3 failed, 1 passed" in shown
    check_properties(ElementTree.parse(tmp_path / "junit.xml"))
    check_nothing_is_left(shown, (tmp_path / "reached").read_text())


def check_wrong_answer(shown: str, folder: Path) -> None:
    assert re.search(r"^E +UDP +sport +expected 8 +got 7", shown, re.MULTILINE)
    assert "seed 5" in shown
    assert "> 10.0.0.1:domain" in section(shown, "test_wrong_answer", "last frames")
    assert "RX.RING_SIZE" in section(shown, "test_wrong_answer", "last registers written")
    assert "NdisMSendComplete" in section(shown, "test_wrong_answer", "last records of driver and card")
    frames = folder / "kept" / "test_it.py-test_wrong_answer" / "frames.pcapng"
    assert f"frames: {frames}" in shown
    assert [bytes(packet)[-2:] for packet in rdpcap(str(frames))] == [b"hi", b"hi"]


def check_properties(junit: ElementTree.ElementTree[ElementTree.Element]) -> None:
    case = next(case for case in junit.iter("testcase") if case.get("name") == "test_wrong_answer")
    told = {each.get("name"): each.get("value", "") for each in case.iter("property")}
    assert (told["nicrig_seed"], told["nicrig_kind"]) == ("5", "bus-master")
    assert re.match(r"\d+\.\d+\.", told["nicrig_kernel"])
    assert re.fullmatch(r"\S+ [0-9A-F]{16,}", told["nicrig_driver"])
    assert told["nicrig_accelerator"] in ("kvm", "tcg")
    for name in ("frames", "recording", "guest_log"):
        assert Path(told[f"nicrig_{name}"]).exists()


def check_nothing_is_left(shown: str, reached: str) -> None:
    died, where_died = re.findall(r"^CARD (\d+) (\S+)", shown, re.MULTILINE)[0]
    whole, card, where = reached.split()
    assert [pid for pid in (died, whole, card) if Path("/proc", pid).exists()] == []
    assert [folder for folder in (where_died, where) if Path(folder).exists()] == []
    assert Path(where).name.startswith(PREFIX)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert [
        command for command in commands if os.fsencode(where) in command or os.fsencode(where_died) in command
    ] == []


def test_each_worker_has_a_machine_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ABREAST + FRESH)
    run = started(tmp_path, "-n", "2", "-rP")
    with ended(run):
        shown, _ = run.communicate(timeout=PATIENCE)
    print(shown)
    assert run.returncode == 0
    workers, rigs, seeds = map(set, zip(*rigs_used(shown), strict=True))
    assert (len(workers - {"fresh"}), len(rigs), len(seeds)) == (2, 3, 1)


def test_unplugged_killed_and_rebooted_machines_serve_on_or_go(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(CONTROLLED)
    run = started(tmp_path, "-rP", "--nicrig-keep=kept", "--tb=short")
    with ended(run):
        shown, _ = run.communicate(timeout=PATIENCE)
    print(shown)
    assert run.returncode == 0
    ((pid, folder),) = re.findall(r"^CARD (\d+) (\S+)", shown, re.MULTILINE)
    assert not Path("/proc", pid).exists()
    assert not Path(folder).exists()
    recordings = (tmp_path / "kept" / "test_it.py-test_the_next_machine_is_whole").glob("recording*.json")
    assert sorted(path.name for path in recordings) == ["recording.json", "recording_2.json", "recording_3.json"]


def rigs_used(shown: str) -> list[tuple[str, str, str]]:
    """The worker, its rig, and the run's seed."""
    return re.findall(r"^RIG (\S+) (\S+) (\d+)", shown, re.MULTILINE)


@pytest.mark.anyio
async def test_a_rig_that_runs_already_is_used_and_goes_on_running(provision: Provision, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ABREAST)
    async with open_rig(provision, Options()) as rig:
        await (await rig.guest.load_driver()).up()
        await rig.release()
        run = started(tmp_path, f"--nicrig-rig={rig.paths.folder}", "-rP", "--nicrig-kind=bus-master")
        with ended(run):
            shown, _ = await trio.to_thread.run_sync(lambda: run.communicate(timeout=PATIENCE))
        print(shown)
        assert run.returncode == 0
        assert {used for _, used, _ in rigs_used(shown)} == {str(rig.paths.folder)}
        (tmp_path / "test_it.py").write_text(ATTACHED)
        run = started(tmp_path, f"--nicrig-rig={rig.paths.folder}")
        with ended(run):
            shown, _ = await trio.to_thread.run_sync(lambda: run.communicate(timeout=PATIENCE))
        print(shown)
        assert "1 error" in shown
        told = re.findall(r"^.*only that process can unplug.*$", shown.partition("short test summary")[0], re.MULTILINE)
        assert told
        assert all(line.endswith("run this test without --nicrig-rig") for line in told)
        assert "Traceback" not in shown
        assert (await rig.card.monitor.execute("query-card"))["receiving"]
