# SPDX-License-Identifier: GPL-2.0-or-later
"""What a card can no longer do when it is ready: as root, as a user, and where the host allows a part only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.conftest import MEMORY_AT, MEMORY_BYTES
from tests.contracts.test_hostile_messages import Monitor
from tests.fakes.card_process import CHECKOUT, CardProcess
from tests.fakes.driver import FakeDriver
from tests.fakes.vfio_user_bus import VfioUserBus
from tests.fakes.wire_peer import WirePeer

NOTHING = "0" * 16
USER = 61184
"""A user without a name, who owns nothing."""

BEHAVIOUR = """
import ctypes, errno, json, os, socket, subprocess, sys
from nicrig_device.confinement import REFUSED, UNKNOWN

ran_at_start = subprocess.run(["true"]).returncode
libc = ctypes.CDLL(None, use_errno=True)
resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name


def raw(name, *arguments):
    number = resolve(name.encode())
    if number == -1:
        return "unknown here"
    return errno.errorcode[ctypes.get_errno()] if libc.syscall(number, *(arguments or [0] * 6)) < 0 else "done"


def does(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"


def attempts():
    path = os.fsencode(__file__)
    return {
        "at start": ran_at_start,
        "refused": {name: raw(name) for name in REFUSED},
        "unknown": {name: raw(name) for name in UNKNOWN},
        "internet socket": does(lambda: socket.socket(socket.AF_INET)),
        "netlink socket": does(lambda: socket.socket(socket.AF_NETLINK)),
        "unix socket": does(lambda: socket.socket(socket.AF_UNIX).close()),
        "process": raw("clone", 17, 0, 0, 0, 0),
        "program": does(lambda: subprocess.run(["true"])),
        "signal to the parent": does(lambda: os.kill(os.getppid(), 0)),
        "signal to itself": does(lambda: os.kill(os.getpid(), 0)),
        "read": does(lambda: open(__file__).close()),
        "append": does(lambda: open(__file__, "a")),
        "overwrite": does(lambda: open(__file__, "r+")),
        "make": does(lambda: os.open(__file__ + "x", os.O_RDONLY | os.O_CREAT)),
        "empty": does(lambda: os.open(__file__, os.O_RDONLY | os.O_TRUNC)),
        "write, by open": raw("open", path, os.O_WRONLY),
    }


def behave(to_driver, to_wire):
    print(json.dumps(attempts()), file=sys.stderr)
    return [], to_driver
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nicrig-") as name:
        yield Path(name)


def status(text: str) -> dict[str, str]:
    """/proc/PID/status."""
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def check_confined(found: dict[str, str]) -> None:
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {NOTHING}


def namespaces_allowed() -> bool:
    user = [] if os.geteuid() == 0 else ["--user"]
    return subprocess.run(["unshare", *user, "--net", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.real
def test_a_card_that_is_ready_has_no_rights_left(folder: Path) -> None:
    with CardProcess(folder) as card:
        found = status(Path(f"/proc/{card.pid}/status").read_text())
        check_confined(found)
        assert found["Threads"] == "1", "another thread would have kept its rights"
        if namespaces_allowed():
            assert found["CapBnd"] == NOTHING
            assert Path(f"/proc/{card.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
            assert "not in force" not in card.errors()
        assert card.close() == 0


@pytest.mark.real
def test_whatever_runs_in_a_card_starts_no_program_reaches_no_network_and_writes_no_file(folder: Path) -> None:
    """The behaviour stands for code that has taken the card over. Its file is run with the user's rights."""
    source = folder / "attempts.py"
    source.write_text(BEHAVIOUR)
    with CardProcess(folder, behaviour=f"{source}:behave") as card:
        bus = VfioUserBus(card.vfio_user)
        bus.memory.map(MEMORY_AT, MEMORY_BYTES)
        driver = FakeDriver(bus)
        driver.start()
        driver.post_receives()
        with WirePeer(card.wire) as peer:
            peer.send([bytes(60)])
            assert peer.receive(1) == [bytes(60)]
        bus.close()
        (line,) = [line for line in card.errors().splitlines() if line.startswith("{")]
    found = json.loads(line)
    assert found["at start"] == 0
    assert len(found["refused"] | found["unknown"]) == 90
    assert set(found.pop("refused").values()) <= {"EPERM", "unknown here"}
    assert set(found.pop("unknown").values()) <= {"ENOSYS", "unknown here"}
    assert {name for name, end in found.items() if end == "done"} == {"unix socket", "signal to itself", "read"}
    refused = {name for name, end in found.items() if end == "EPERM"}
    assert refused == {
        *("internet socket", "netlink socket", "process", "program", "signal to the parent"),
        *("append", "overwrite", "make", "empty", "write, by open"),
    }
    assert source.read_text() == BEHAVIOUR


@pytest.mark.real
def test_the_log_and_query_card_name_what_a_card_could_not_give_up(folder: Path) -> None:
    source = folder / "threaded.py"
    source.write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "def behave(to_driver, to_wire):\n    return to_driver, to_wire\n"
    )
    with CardProcess(folder, behaviour=f"{source}:behave") as card, closing(Monitor(card)) as monitor:
        lacking = monitor.ask("query-card")["not-in-force"]
        assert [text.split(" (")[0] for text in lacking] == ["no network", "no capabilities"]
        assert f"not in force: {'; '.join(lacking)}\n" in card.errors()


# Imports all that it needs as root: another user may not reach this folder. That a process can be looked at is lost
# with its user, and its own files in /proc with it, so take it back.
CONFINE = """
import cffi, ctypes, json, os, sys, threading
from pathlib import Path
from nicrig_device import confinement

cffi.FFI().cdef("int f(void);")
{before}
if os.geteuid() == 0 and {user}:
    os.setgroups([])
    os.setresgid({user}, {user}, {user})
    os.setresuid({user}, {user}, {user})
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
libc = ctypes.CDLL(None)
libc.prctl(1, 9)
lacking = confinement.confine()
at_parents_end = ctypes.c_int()
libc.prctl(2, ctypes.byref(at_parents_end))
threads = [Path("/proc/self/task", task, "status").read_text() for task in os.listdir("/proc/self/task")]
interfaces = [line.split(":")[0].strip() for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]]
print(json.dumps([lacking, threads, interfaces, os.getuid(), at_parents_end.value]))
"""


def confined(before: str = "", user: int = 0) -> tuple[list[str], list[dict[str, str]], list[str], int]:
    """What a process says that has confined itself: what is not in force, its threads, its interfaces, its user."""
    script = CONFINE.format(before=before, user=user)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    ran: Any = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    lacking, threads, interfaces, now, signal_at_parents_end = json.loads(ran.stdout)
    assert signal_at_parents_end == signal.SIGKILL, "the card would outlive its parent"
    return lacking, [status(thread) for thread in threads], interfaces, now


def test_an_ordinary_user_s_card_has_no_rights_either() -> None:
    lacking, (found,), interfaces, user = confined(user=USER)
    check_confined(found)
    if lacking:
        assert lacking == [f"no network ({os.strerror(1)})"]
        assert not namespaces_allowed() or os.geteuid() == 0
    else:
        assert interfaces == ["lo"]
        assert found["CapBnd"] == NOTHING
    assert user == (USER if os.geteuid() == 0 else os.getuid()), "the user keeps its number"


def test_without_a_library_the_rest_is_in_force_and_what_lacks_is_named() -> None:
    lacking, (found,), _, _ = confined("confinement.CALLS_LIBRARY = 'libnone.so'")
    assert [text.split(" (")[0] for text in lacking if not text.startswith("no network")] == [
        "no dangerous system calls"
    ]
    assert "libnone.so" in lacking[-1]
    assert (found["NoNewPrivs"], found["CapEff"]) == ("1", NOTHING)


def test_threads_that_a_behaviour_started_are_named_and_make_no_call_either() -> None:
    thread = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    lacking, threads, _, _ = confined(thread)
    assert [text.split(" (")[0] for text in lacking] == ["no network", "no capabilities"]
    assert "the behaviour has started a thread" in lacking[0]
    assert [(found["Seccomp"], found["NoNewPrivs"]) for found in threads] == [("2", "1")] * 2
