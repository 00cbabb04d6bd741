# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives a compiled module a number of its own, and makes the table of its lines from its debug information."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

from nicrig.errors import RigError
from nicrig.recorder.call_sites import Row, Table

BUILD_SECTION, TEXT_SECTION = ".nicrig.build", ".text"
LANDMARK = "ndis/recorder/recorder.c"
"""A source of the module: what stands in front of it in its path stands in front of all."""
ELSEWHERE = 1 << 40
"""Code of other sections than .text is put here: call sites are offsets in .text."""
_CODE = 4
"""SHF_EXECINSTR."""
_RELOCATION = np.dtype([("offset", "<u8"), ("type", "<u4"), ("symbol", "<u4"), ("addend", "<i8")])
_SYMBOL = np.dtype([("name", "<u4"), ("how", "<u2"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")])
_SIZES = {1: 8, 10: 4}
"""The bytes of R_X86_64_64 and R_X86_64_32, which are all that debug sections have."""


def stamped(module: bytes) -> tuple[bytes, Table]:
    """The module with its number, and the table that has the same number.

    Raises RigError for a module without a place for the number, or without debug information that this reads.
    """
    elf = ELFFile(BytesIO(module))
    section = elf.get_section_by_name(BUILD_SECTION)
    if section is None or not elf.has_dwarf_info(strict=True):
        raise RigError(f"the module has no section {BUILD_SECTION}, or no debug information: compile it with -g")
    build = hashlib.sha256(module).digest()[: section["sh_size"]]
    at = section["sh_offset"]
    return module[:at] + build + module[at + len(build) :], _table(int.from_bytes(build, "little"), module)


def _table(build: int, module: bytes) -> Table:
    found = sorted(_lines(ELFFile(BytesIO(_relocated(module)))), key=lambda each: each[0])
    top = next(file.removesuffix(LANDMARK) for _, file, _ in found if file.endswith(f"/{LANDMARK}"))
    files: dict[str, int] = {}
    rows: list[Row] = []
    for offset, file, line in found:
        place = files.setdefault(file.removeprefix(top), len(files))
        if rows and rows[-1].offset == offset:
            rows.pop()
        if not rows or (rows[-1].file, rows[-1].line) != (place, line):
            rows.append(Row(offset, place, line))
    return Table(build, list(files), rows)


def _relocated(module: bytes) -> bytes:
    """The module with its debug sections linked, .text at 0. pyelftools takes 20 seconds for it, numpy a tenth."""
    elf, data = ELFFile(BytesIO(module)), np.frombuffer(bytearray(module), np.uint8)
    sections = list(elf.iter_sections())
    symbols = _array(module, _SYMBOL, next(each for each in sections if each.name == ".symtab"))
    code = [at for at, each in enumerate(sections) if each["sh_flags"] & _CODE and each.name != TEXT_SECTION]
    values = symbols["value"] + np.where(np.isin(symbols["section"], code), np.uint64(ELSEWHERE), np.uint64(0))
    for section in sections:
        if not section.name.startswith(".rela.debug"):
            continue
        start = sections[section["sh_info"]]["sh_offset"]
        entries = _array(module, _RELOCATION, section)
        for kind, size in _SIZES.items():
            these = entries[entries["type"] == kind]
            words = (values[these["symbol"]] + these["addend"].astype(np.uint64)).astype("<u8")
            places = start + these["offset"].astype(np.intp)[:, None] + np.arange(size)
            data[places] = words.view(np.uint8).reshape(-1, 8)[:, :size]
    return data.tobytes()


def _array(module: bytes, kind: np.dtype[Any], section: Section) -> npt.NDArray[Any]:
    return np.frombuffer(module, kind, section["sh_size"] // kind.itemsize, section["sh_offset"])


def _lines(elf: ELFFile) -> Iterator[tuple[int, str, int]]:
    """Offset in .text, file and line of each row; the line is 0 where a sequence ends."""
    information = elf.get_dwarf_info(relocate_dwarf_sections=False)
    for unit in information.iter_CUs():
        program = information.line_program_for_CU(unit)
        if program is None:
            continue
        if program.header["version"] < 5:
            raise RigError("the module has debug information in the form of DWARF 4: compile it with -gdwarf-5")
        folders = [each.decode() for each in program.header["include_directory"]]
        entries = program.header["file_entry"]
        files = [str(PurePosixPath(folders[each.dir_index], each.name.decode())) for each in entries]
        for entry in program.get_entries():
            state = entry.state
            if state is not None and state.address < ELSEWHERE:
                yield state.address, files[state.file], 0 if state.end_sequence else state.line
