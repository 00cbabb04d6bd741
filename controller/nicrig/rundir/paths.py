# SPDX-License-Identifier: GPL-2.0-or-later
"""The paths of a rig: one folder of sockets in which its parts find each other, whichever process started them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from nicrig.errors import UsageError
from nicrig.recorder import CALL_SITES_FILE
from nicrig.rundir.own_files import foreign, is_name, read_end
from nicrig.text.printable import LOG_LINES, TAIL_BYTES, printable_lines
from nicrig_interface.files import (
    MONITOR_SOCKET,
    RECORDER_FILE,
    SOCKET_PATH_MAX,
    TRACE_FILE,
    VFIO_SOCKET,
    WIRE_SOCKET,
)

NAME_MAX = 31
"""Most characters of a rig's name."""


class RigPaths(NamedTuple):
    """The folder of a rig, and the names in it."""

    folder: Path

    @property
    def vfio_user(self) -> Path:
        """QEMU connects to the card here."""
        return self.folder / VFIO_SOCKET

    @property
    def wire(self) -> Path:
        """The card's wire, in QEMU's stream framing, for several peers at a time."""
        return self.folder / WIRE_SOCKET

    @property
    def monitor(self) -> Path:
        """The card's monitor: QMP."""
        return self.folder / MONITOR_SOCKET

    @property
    def card_log(self) -> Path:
        return self.folder / "card.log"

    @property
    def machine(self) -> Path:
        """QEMU's monitor: QMP, one client at a time."""
        return self.folder / "machine.sock"

    @property
    def agent(self) -> Path:
        """The guest's agent, one client at a time."""
        return self.folder / "agent.sock"

    @property
    def shell(self) -> Path:
        """A terminal with a shell in the guest."""
        return self.folder / "shell.sock"

    @property
    def guest_lock(self) -> Path:
        """Locked while a process is connected to `machine` or `agent`."""
        return self.folder / "guest.lock"

    @property
    def serial_log(self) -> Path:
        """What the guest's kernel wrote on its console."""
        return self.folder / "serial.log"

    @property
    def qemu_log(self) -> Path:
        return self.folder / "qemu.log"

    @property
    def lock(self) -> Path:
        """Locked by the process that serves the rig, as long as it lives."""
        return self.folder / "lock"

    @property
    def call_sites(self) -> Path:
        """The lines of the driver in the guest's image, see `nicrig.recorder.call_sites`."""
        return self.folder / CALL_SITES_FILE

    @property
    def description(self) -> Path:
        """What was started here: JSON, see `nicrig.session.daemon`."""
        return self.folder / "rig.json"

    @property
    def daemon(self) -> Path:
        """The daemon of the rig ends it when asked here, see `nicrig.session.ending`."""
        return self.folder / "daemon.sock"

    @property
    def sockets(self) -> tuple[Path, ...]:
        return self.vfio_user, self.wire, self.monitor, self.machine, self.agent, self.shell, self.daemon

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of a rig but its sockets and its lock."""
        logs = self.card_log, self.qemu_log, self.serial_log
        unfinished = self.description.with_suffix(".new"), self.lock.with_suffix(".new")
        return (
            *logs,
            self.guest_lock,
            self.description,
            self.call_sites,
            *unfinished,
            self.folder / RECORDER_FILE,
            self.folder / TRACE_FILE,
        )

    def check_length(self) -> None:
        """Raises UsageError when a socket's path in the folder would be too long for the kernel."""
        if len(bytes(self.vfio_user)) > SOCKET_PATH_MAX:
            raise UsageError(
                f"{self.vfio_user} is longer than a unix socket's {SOCKET_PATH_MAX} bytes: use a shorter folder"
            )


def names_folder() -> Path:
    """The folder of this user's rigs: NICRIG_RIGS, else `nicrig` in XDG_RUNTIME_DIR, else one for this user in /tmp.

    It need not exist. Raises UsageError when it exists and is not this user's alone.
    """
    given = os.environ.get("NICRIG_RIGS")
    folder = Path(given) if given else _runtime_folder() or Path(f"/tmp/nicrig-{os.geteuid()}")
    try:
        why = foreign(folder.lstat())
    except FileNotFoundError:
        return folder
    except OSError as error:
        why = f"cannot be used ({error.strerror})"
    if why is not None:
        raise UsageError(f"{folder} {why}: set NICRIG_RIGS to a folder that is yours alone (mode 0700)")
    return folder


def _runtime_folder() -> Path | None:
    """`nicrig` in XDG_RUNTIME_DIR, or None when that is not this user's or too long for a rig's sockets."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    try:
        RigPaths(runtime / "nicrig" / ("x" * NAME_MAX)).check_length()
        usable = runtime.is_absolute() and foreign(runtime.stat()) is None
    except (OSError, UsageError):
        return None
    return runtime / "nicrig" if usable else None


def paths_named(name: str) -> RigPaths:
    """The paths of a rig of this name, whether it exists or not."""
    return RigPaths(names_folder() / name)


def log_of(name: str) -> Path:
    """The log of a named rig's daemon. It stays when a rig dies."""
    return names_folder() / f"{name}.log"


def names() -> list[str]:
    """The names of all rigs, dead ones too. Raises UsageError when the folder of rigs is not this user's alone."""
    folder = names_folder()
    return sorted(entry.name for entry in folder.iterdir() if is_name(entry)) if folder.is_dir() else []


def paths_of(rig: str) -> RigPaths:
    """The paths of a rig: `rig` is its name, or the path of its folder. Raises UsageError when it does not exist."""
    paths = RigPaths(Path(rig).absolute()) if "/" in rig or rig in (".", "..") else paths_named(rig)
    if not paths.folder.is_dir() and not is_name(paths.folder):
        known = f"there is {', '.join(names())}" if names() else f"nicrig up --name {rig} starts one"
        raise UsageError(f"no rig {rig}: {known}{_how_it_ended(rig)}")
    return paths


def _how_it_ended(rig: str) -> str:
    try:
        lines = [] if "/" in rig else printable_lines(read_end(log_of(rig), TAIL_BYTES), most=LOG_LINES)
    except OSError:
        lines = []
    said = "\n".join(lines)
    return f"; the last one of that name ended so:\n{said}" if said else ""
