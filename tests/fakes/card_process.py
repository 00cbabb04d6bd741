# SPDX-License-Identifier: GPL-2.0-or-later
"""A real card process, as QEMU's peer would find it: `python -m nicrig_device` and its three sockets."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Literal

from nicrig.provision.cache import folder
from nicrig.provision.libvfio_user import LIBRARY

CHECKOUT = Path(__file__).resolve().parent.parent.parent
BUILT_LIBRARY = folder() / "libvfio-user" / LIBRARY
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
SOCKET_PATH_MAX = 107
"""Longest path of a unix socket on Linux."""

Interrupts = Literal["msix", "msi"]


class CardProcess:
    """Runs a card from construction, which returns when it is ready, to `close`."""

    def __init__(
        self,
        sockets: Path,
        interrupts: Interrupts = "msix",
        kind: str = "bus-master",
        ledger: str = "off",
        behaviour: str | None = None,
    ) -> None:
        self.vfio_user = sockets / "vfio-user.sock"
        self.wire = sockets / "wire.sock"
        self.monitor = sockets / "monitor.sock"
        if len(str(self.vfio_user)) > SOCKET_PATH_MAX:
            raise ValueError(f"{self.vfio_user} is too long for a unix socket: give a shorter directory")
        self._errors = os.memfd_create("card-errors", os.MFD_CLOEXEC)
        arguments = ["--sockets", str(sockets), "--library", str(BUILT_LIBRARY)]
        arguments += ["--interrupts", interrupts, "--kind", kind, "--ledger", ledger]
        arguments += ["--behaviour", behaviour] if behaviour is not None else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nicrig_device", *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> CardProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        assert self._process.stdout is not None
        while True:
            readable, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise TimeoutError(f"the card did not say ready within {READY_SECONDS} s: {self.errors()}")
            line = self._process.stdout.readline()
            if line.strip() == b"ready":
                return
            if not line:
                raise ChildProcessError(f"the card ended with {self._process.wait()} before ready: {self.errors()}")

    def running(self) -> bool:
        return self._process.poll() is None

    def errors(self) -> str:
        """All that the card has written to its standard error."""
        return os.pread(self._errors, os.fstat(self._errors).st_size, 0).decode(errors="replace")

    def close(self) -> int:
        """Ask the card to end, and after five seconds end it; its exit status, negative for a signal."""
        if self.running():
            self._process.terminate()
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status
