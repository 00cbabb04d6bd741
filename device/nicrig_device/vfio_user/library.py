# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds libvfio-user and loads it through cffi in ABI mode."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cffi

from nicrig_device.vfio_user.abi import COMMON, Generation

CHECKOUT = Path(__file__).resolve().parents[3]
HEADER_NAME = "libvfio-user.h"
LIBRARY_NAME = "libvfio-user.so"
SYSTEM_HEADERS = (Path("/usr/include/vfio-user"), Path("/usr/local/include/vfio-user"))
SYSTEM_LIBRARIES = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib64"), Path("/usr/lib"), Path("/usr/local/lib"))


class LibraryNotFoundError(OSError):
    """No libvfio-user here; the text says how to get one."""


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded library: `ffi` for types and callbacks, `lib` for the calls."""

    ffi: Any
    lib: Any
    generation: Generation


def cache_folder() -> Path:
    """Where `make setup` puts what it builds."""
    return Path(os.environ.get("NICRIG_CACHE") or CHECKOUT / ".cache")


def candidates() -> list[tuple[Path, Path]]:
    """(library, header) pairs in the order in which they are tried: the system's, then the one `make setup` built."""
    pairs = [(folder / LIBRARY_NAME, header / HEADER_NAME) for header in SYSTEM_HEADERS for folder in SYSTEM_LIBRARIES]
    built = cache_folder() / "libvfio-user"
    return [*pairs, (built / LIBRARY_NAME, built / HEADER_NAME)]


def find() -> tuple[Path, Path]:
    """The first (library, header) that is there; LibraryNotFoundError if none."""
    for library, header in candidates():
        if library.exists() and header.exists():
            return library, header
    raise LibraryNotFoundError(
        f"no libvfio-user with its header on this system or in {cache_folder()}: run `make setup`"
    )


def load(library: Path | None = None) -> Library:
    """Load a library whose header stands beside it, or the first one found."""
    path, header = (library, library.parent / HEADER_NAME) if library else find()
    if not header.exists():
        raise LibraryNotFoundError(f"{header} is missing: the library's generation is told by its header")
    generation = Generation.of_header(header.read_text())
    ffi = cffi.FFI()
    ffi.cdef(COMMON + generation.value)
    try:
        return Library(ffi, ffi.dlopen(os.fspath(path.resolve())), generation)
    except OSError as error:
        raise LibraryNotFoundError(f"{path} does not load: {error}") from error
