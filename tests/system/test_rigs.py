# SPDX-License-Identifier: GPL-2.0-or-later
"""Rigs that keep running, as people use them: the real commands, their output and exit codes. One guest serves all."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.unix_socket import connect_unix
from tests.system.test_demo import NICRIG, SECONDS, nicrig, plain_environment, wait_until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rigs")]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def rigs() -> Iterator[Path]:
    """The folder of these tests' rigs."""
    with tempfile.TemporaryDirectory(prefix="nicrig-rigs-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def run(rigs: Path) -> Run:
    return lambda *arguments: nicrig(*arguments, NICRIG_RIGS=str(rigs))


@pytest.fixture(scope="module")
def dev(rigs: Path, run: Run) -> Iterator[str]:
    """The name of a rig that keeps running."""
    started = run("up", "--name", "dev")
    assert started.returncode == 0, started.stderr
    assert started.stdout.startswith("ready: dev (bus-master; ")
    yield "dev"
    assert run("down", "dev").returncode == 0
    assert list(rigs.iterdir()) == [], "something is left behind"


def test_status_lists_it(run: Run, dev: str) -> None:
    assert run("status").stdout.startswith("dev: bus-master, guest's eth0 (")
    (state,) = json.loads(run("status", dev, "--json").stdout)
    assert (state["name"], state["card"]["kind"], state["card"]["link"]) == ("dev", "bus-master", True)
    assert state["daemon"]["interface"] == "eth0"


@pytest.mark.parametrize(
    ("command", "code", "out"),
    [(("sh", "-c", "echo said; exit 7"), 7, "said\n"), (("true",), 0, ""), (("nosuch",), 127, "")],
)
def test_a_commands_exit_code_is_its_own(run: Run, dev: str, command: tuple[str, ...], code: int, out: str) -> None:
    done = run("run", "--rig", dev, "--", *command)
    assert (done.returncode, done.stdout) == (code, out)


def test_a_command_has_an_output_of_any_size_and_standard_input_and_the_next_one_works(rigs: Path, dev: str) -> None:
    command = [
        str(NICRIG),
        "run",
        "--rig",
        dev,
        "--",
        "sh",
        "-c",
        "cat; head -c 9000000 /dev/zero; echo wrong >&2; exit 7",
    ]
    sent = bytes(range(256)) * 1000
    environment = {**plain_environment(), "NICRIG_RIGS": str(rigs)}
    for _ in range(2):
        done = subprocess.run(command, input=sent, capture_output=True, check=False, timeout=SECONDS, env=environment)
        assert (done.returncode, done.stderr) == (7, b"wrong\n")
        assert done.stdout == sent + bytes(9_000_000)


def test_after_a_killed_command_the_next_one_works(rigs: Path, run: Run, dev: str) -> None:
    command = [str(NICRIG), "run", "--rig", dev, "--", "sh", "-c", "head -c 9000000 /dev/zero; sleep 1"]
    environment = {**plain_environment(), "NICRIG_RIGS": str(rigs)}
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as killed:
            assert killed.stdout is not None
            assert killed.stdout.read(1000) == bytes(1000)
            killed.kill()
        assert run("run", "--rig", dev, "--", "echo", "next").stdout == "next\n"


def monitor_of_qemu(folder: Path, *commands: str) -> None:
    """Send these commands to QEMU's monitor."""
    with connect_unix(folder / "machine.sock", SECONDS) as channel, channel.makefile("rw") as stream:
        stream.readline()
        for command in ("qmp_capabilities", *commands):
            stream.write(json.dumps({"execute": command, "id": command}) + "\n")
            stream.flush()
            while json.loads(stream.readline()).get("id") != command:
                pass


def test_a_command_for_a_guest_that_does_not_run_ends_at_once_in_words(rigs: Path, run: Run, dev: str) -> None:
    monitor_of_qemu(rigs / dev, "stop")
    try:
        done = run("run", "--rig", dev, "--", "true")
    finally:
        monitor_of_qemu(rigs / dev, "cont")
    assert (done.returncode, done.stderr.count("\n")) == (125, 1), done.stderr
    assert "the guest is paused and answers nothing: send cont to QEMU's monitor" in done.stderr
    assert run("run", "--rig", dev, "--", "true").returncode == 0


def test_options_behind_the_dashes_are_the_commands(run: Run, dev: str) -> None:
    done = run("run", "--rig", dev, "--", "ethtool", "-i", "eth0")
    assert done.returncode == 0
    assert "driver: nicrig" in done.stdout


def test_the_shell_runs_standard_input_when_there_is_no_terminal(rigs: Path, dev: str) -> None:
    done = subprocess.run(
        [NICRIG, "shell", dev],
        input="ip addr show eth0; exit 5",
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**plain_environment(), "NICRIG_RIGS": str(rigs)},
    )
    assert done.returncode == 5
    assert "10.0.0.2/24" in done.stdout


def test_at_a_terminal_the_shell_is_one_and_a_key_leaves_it(rigs: Path, dev: str) -> None:
    ours, its = pty.openpty()
    environment = {**plain_environment(), "NICRIG_RIGS": str(rigs)}
    shell = subprocess.Popen([NICRIG, "shell", dev], stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    try:
        _wait_for(ours, b"# ")
        os.write(ours, b"echo $((6 * 7))\n")
        _wait_for(ours, b"\r\n42\r\n")
        os.write(ours, b"\x1d")
        assert shell.wait(SECONDS) == 0
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


def _wait_for(terminal: int, wanted: bytes) -> None:
    shown, deadline = b"", time.monotonic() + SECONDS
    while wanted not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{wanted!r} was not shown, but {shown!r}"
        shown += os.read(terminal, 4096)


def test_a_name_that_exists_is_refused_in_one_line_and_the_rigs_log_stays(rigs: Path, run: Run, dev: str) -> None:
    said = (rigs / "dev.log").read_text()
    again = run("up", "--name", dev)
    assert (rigs / "dev.log").read_text() == said
    assert again.returncode == 2
    assert again.stderr.splitlines()[-1].startswith("nicrig: a rig dev runs already: nicrig down dev ends it")
    assert run("status", dev).returncode == 0


def test_the_demo_runs_on_it_and_leaves_it_as_it_was(run: Run, dev: str) -> None:
    done = run("demo", "--rig", dev, "--frames", "200")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("verdict: coherent: frames injected 200 cpu 200 echoed 200")
    assert "10.0.0.2/24" in run("run", "--rig", dev, "--", "ip", "addr", "show", "eth0").stdout


def test_the_demo_times_its_card_as_asked(run: Run, dev: str) -> None:
    done = run("demo", "--rig", dev, "--frames", "200", "--card-timing", "unkind:3")
    assert done.returncode == 0, done.stderr
    assert "; card unkind:3; " in done.stdout
    assert "; card kind then unkind:1; " in run("demo", "--rig", dev, "--frames", "200").stdout


def test_two_commands_at_once_take_turns(rigs: Path, dev: str) -> None:
    environment = {**plain_environment(), "NICRIG_RIGS": str(rigs)}
    both = [
        subprocess.Popen([NICRIG, "run", "--rig", dev, "--", "echo", "done"], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=SECONDS)[0] for process in both] == [b"done\n", b"done\n"]


def test_the_options_for_your_own_qemu_name_the_card_s_socket(rigs: Path, run: Run, dev: str) -> None:
    said = run("qemu-args", dev, "--memory", "256").stdout
    assert f'{{"path": "{rigs}/dev/vfio-user.sock", "type": "unix"}}' in said
    assert "size=256M,share=on" in said


def test_a_missing_rig_is_an_error_of_one_line(run: Run, dev: str) -> None:
    for arguments in (("run", "--rig", "none", "--", "true"), ("shell", "none"), ("down", "none"), ("status", "none")):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("nicrig: no rig none: there is dev")


def test_a_guest_that_panics_ends_the_rig_and_its_words_are_kept(rigs: Path, run: Run) -> None:
    assert run("up", "--name", "mad").returncode == 0
    run("run", "--rig", "mad", "--", "sh", "-c", "echo c > /proc/sysrq-trigger")
    wait_until(lambda: not (rigs / "mad").exists(), "the rig to end", SECONDS)
    told = run("status", "mad")
    assert told.returncode == 2
    assert "the last one of that name ended so:" in told.stderr
    assert "the guest panicked and rebooted" in told.stderr
    assert "sysrq" in told.stderr
    (rigs / "mad.log").unlink()


def test_a_card_alone_serves_until_sigterm(rigs: Path, run: Run) -> None:
    environment = {**plain_environment(), "NICRIG_RIGS": str(rigs)}
    card = subprocess.Popen(
        [NICRIG, "serve", "--name", "alone", "--interrupts", "msi"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert card.stdout is not None
        assert card.stdout.readline() == "ready\n"
        line = card.stdout.readline()
        assert line.startswith("-machine q35,memory-backend=mem")
        assert "pcie-root-port" in line
        assert run("qemu-args", "alone").stdout == line
        assert "card alone" in run("status", "alone").stdout
        check_a_guest_that_panics(environment, run)
        assert "card alone" in run("status", "alone").stdout
    finally:
        card.send_signal(signal.SIGTERM)
        card.wait(SECONDS)
    assert not (rigs / "alone").exists()


def test_down_ends_a_card_and_the_machine_of_another_command(rigs: Path, run: Run) -> None:
    environment = {**plain_environment(), "NICRIG_RIGS": str(rigs)}
    started = []
    try:
        for words in (("serve", "--name", "both"), ("machine", "both")):
            part = subprocess.Popen([NICRIG, *words], env=environment, stdout=subprocess.PIPE, text=True)
            started.append(part)
            assert part.stdout is not None
            assert part.stdout.readline().startswith("ready")
        assert "a guest (" in run("status", "both").stdout
        down = run("down", "both")
        assert (down.returncode, down.stderr) == (0, "")
        # Both processes have ended by now. Only their parent, this test, has to wait for them.
        assert [part.wait(1) for part in started] == [0, 0]
        assert not list(rigs.glob("both*"))
        assert "both" not in run("status").stdout
    finally:
        for part in started:
            part.kill()
            part.wait()
            assert part.stdout is not None
            part.stdout.close()


def check_a_guest_that_panics(environment: dict[str, str], run: Run) -> None:
    """The machine of a card that serves alone ends with the guest's last words; the card goes on."""
    machine = subprocess.Popen(
        [NICRIG, "machine", "alone"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert machine.stdout is not None
        assert machine.stdout.readline().startswith("ready: a guest for ")
        run("run", "--rig", "alone", "--", "sh", "-c", "echo c > /proc/sysrq-trigger")
        _, told = machine.communicate(timeout=SECONDS)
    finally:
        machine.kill()
        machine.wait()
    assert machine.returncode == 125
    assert "the guest panicked and rebooted" in told
    assert "its last calls between driver and NDIS:\n" in told
