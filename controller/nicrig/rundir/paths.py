# SPDX-License-Identifier: GPL-2.0-or-later
"""The paths of a rig: one folder of sockets in which its parts find each other, whichever process started them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from nicrig.errors import UsageError
from nicrig.text.printable import LOG_LINES, tail
from nicrig_interface.files import MONITOR_SOCKET, SOCKET_PATH_MAX, VFIO_SOCKET, WIRE_SOCKET


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
    def description(self) -> Path:
        """What was started here: JSON, see `nicrig.session.daemon`."""
        return self.folder / "rig.json"

    def check_length(self) -> None:
        """Raises UsageError when a socket's path in the folder would be too long for the kernel."""
        if len(bytes(self.vfio_user)) > SOCKET_PATH_MAX:
            raise UsageError(
                f"{self.vfio_user} is longer than a unix socket's {SOCKET_PATH_MAX} bytes: use a shorter folder"
            )


def names_folder() -> Path:
    """The folder of rigs that have a name: NICRIG_RIGS, else one for this user in /tmp."""
    return Path(os.environ.get("NICRIG_RIGS") or f"/tmp/nicrig-{os.getuid()}")


def paths_named(name: str) -> RigPaths:
    """The paths of a rig of this name, whether it exists or not."""
    return RigPaths(names_folder() / name)


def log_of(name: str) -> Path:
    """The log of a named rig's daemon. It stays when a rig dies."""
    return names_folder() / f"{name}.log"


def names() -> list[str]:
    """The names of all rigs, dead ones too."""
    folder = names_folder()
    return sorted(entry.name for entry in folder.iterdir() if entry.is_symlink()) if folder.is_dir() else []


def paths_of(rig: str) -> RigPaths:
    """The paths of a rig: `rig` is its name, or the path of its folder. Raises UsageError when it does not exist."""
    paths = RigPaths(Path(rig).absolute()) if "/" in rig or rig in (".", "..") else paths_named(rig)
    if not paths.folder.is_dir():
        known = f"there is {', '.join(names())}" if names() else f"nicrig up --name {rig} starts one"
        raise UsageError(f"no rig {rig}: {known}{_how_it_ended(rig)}")
    return paths


def _how_it_ended(rig: str) -> str:
    log = log_of(rig)
    said = "\n".join(tail(log, LOG_LINES)) if "/" not in rig and log.is_file() else ""
    return f"; the last one of that name ended so:\n{said}" if said else ""
