# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads libvfio-user through cffi in ABI mode."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cffi

from nicrig_device.vfio_user.abi import COMMON, Generation

HEADER_NAME = "libvfio-user.h"


class LibraryNotFoundError(OSError):
    """The library or its header is missing; the text says which."""


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded library: `ffi` for types and callbacks, `lib` for the calls."""

    ffi: Any
    lib: Any
    generation: Generation
    dma_regions: int
    """The most ranges of memory that a client may map."""


def load(library: Path) -> Library:
    """Load a library whose header stands beside it. Raises LibraryNotFoundError when one of the two is missing."""
    header = library.parent / HEADER_NAME
    if not header.exists():
        raise LibraryNotFoundError(f"{header} is missing: it shows which generation of libvfio-user the library is")
    text = header.read_text()
    generation = Generation.of_header(text)
    ffi = cffi.FFI()
    ffi.cdef(COMMON + generation.value)
    try:
        return Library(ffi, ffi.dlopen(os.fspath(library.resolve())), generation, generation.dma_regions(text))
    except OSError as error:
        raise LibraryNotFoundError(f"{library} does not load: {error}") from error
