# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that the card shares with other processes: files that no process can cut, and how it survives those that were.

The kernel sends SIGBUS to a process that touches mapped memory whose file has become too short, or whose disk is full.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import signal
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from nicrig_device.log import log, traced

SA_SIGINFO = 4
MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE = 0x02, 0x10, 0x20, 0x4000  # mmap(2)
MAP_FAILED = ctypes.c_void_p(-1).value
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)


class SignalInfo(ctypes.Structure):
    """The part of siginfo_t that SIGBUS fills in (sigaction(2))."""

    _fields_ = (("number", ctypes.c_int), ("error", ctypes.c_int), ("code", ctypes.c_int), ("address", ctypes.c_void_p))


_Handler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(SignalInfo), ctypes.c_void_p)


class SignalAction(ctypes.Structure):
    """struct sigaction of x86-64, the only machine that the card runs on."""

    _fields_ = (
        ("handler", _Handler),
        ("mask", ctypes.c_uint64 * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class Area(NamedTuple):
    """Mapped memory [start, start + size), by address in this process; `lost` must make it accessible again."""

    start: int
    size: int
    lost: Callable[[], None]


class LostMemory:
    """Calls `lost` of an area when an access to it gets SIGBUS; then the access is done again.

    The handler is Python code. It runs in the middle of an instruction of ours that touches an area, so nothing else is
    half done: no allocation, no lock. SIGBUS at any other place ends the process, as it does without this.
    """

    def __init__(self) -> None:
        self._areas: dict[int, Area] = {}
        self._before = SignalAction()
        self._action = SignalAction(_Handler(self._on_sigbus), flags=SA_SIGINFO)

    def __enter__(self) -> LostMemory:
        _libc.sigaction(signal.SIGBUS, ctypes.byref(self._action), ctypes.byref(self._before))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        _libc.sigaction(signal.SIGBUS, ctypes.byref(self._before), None)

    def add(self, area: Area) -> None:
        self._areas[area.start] = area

    def remove(self, start: int) -> None:
        """Forget the area that begins here, if there is one."""
        self._areas.pop(start, None)

    def _on_sigbus(self, _: int, info: ctypes._Pointer[SignalInfo], __: int) -> None:
        try:
            address = info.contents.address or 0
            for area in self._areas.values():
                if area.start <= address < area.start + area.size:
                    area.lost()
                    return
        except BaseException as error:
            log.error("memory that other processes have cut cannot be replaced: %s", traced(error))
        signal.signal(signal.SIGBUS, signal.SIG_DFL)  # the access is done again, and ends the card


def replace(start: int, size: int) -> None:
    """Put zeroed memory of our own in the place of a mapping of whole pages. Raises OSError."""
    flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE
    if _libc.mmap(start, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0) == MAP_FAILED:
        raise OSError(ctypes.get_errno(), f"memory of {size:#x} bytes at {start:#x}")


def sealed_file(name: str, size: int) -> int:
    """The descriptor of a file in memory whose size no process can change."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return fd
