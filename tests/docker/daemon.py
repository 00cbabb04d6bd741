# SPDX-License-Identifier: GPL-2.0-or-later
"""A container engine of our own: it touches nothing of this host's network, and no process or mount outlives it."""

from __future__ import annotations

import fcntl
import os
import select
import shlex
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nicrig.provision import cache

START_SECONDS, STOP_SECONDS = 60, 60


@contextmanager
def daemon() -> Iterator[str]:
    """The address that it listens at."""
    with tempfile.TemporaryDirectory(prefix="nicrig-docker-") as name, _images(Path(name)) as images:
        folder = Path(name)
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "ready.sock")}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, (folder / "log").open("wb") as log:
            ready.bind(environment["NOTIFY_SOCKET"])
            process = subprocess.Popen(
                _argv(folder, images), env=environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                _wait_ready(process, ready, folder / "log")
                yield f"unix://{folder}/docker.sock"
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(STOP_SECONDS)


@contextmanager
def _images(folder: Path) -> Iterator[Path]:
    """Where images are kept: in the cache, for the next time; below `folder` while another daemon has the cache's."""
    kept = cache.folder() / "docker"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        yield kept if _locks(lock.fileno()) else folder / "images"


def _locks(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _argv(folder: Path, images: Path) -> list[str]:
    """It ends with us, and with it its mount namespace."""
    folders = f"--data-root {images} --exec-root {folder}/run --pidfile {folder}/pid --host unix://{folder}/docker.sock"
    network = "--bridge none --iptables=false --ip-forward=false"
    return shlex.split(f"setpriv --pdeathsig TERM -- unshare --mount dockerd {folders} {network}")


def _wait_ready(process: subprocess.Popen[bytes], ready: socket.socket, log: Path) -> None:
    """It says READY=1, as systemd wants to hear it."""
    ended = os.pidfd_open(process.pid)
    try:
        heard, _, _ = select.select([ready.fileno(), ended], [], [], START_SECONDS)
    finally:
        os.close(ended)
    assert heard == [ready.fileno()], f"dockerd does not start:\n{log.read_text()[-3000:]}"
