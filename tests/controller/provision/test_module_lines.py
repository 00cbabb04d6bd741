# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a small module that the host's compiler makes; tests/system/test_recorder.py has the real one."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from nicrig.errors import RigError
from nicrig.provision.module_lines import BUILD_SECTION, LANDMARK, stamped
from nicrig.recorder import CALL_SITES_FILE
from nicrig.recorder.call_sites import CallSites

RECORDER = f"""
const volatile unsigned long long build __attribute__((section("{BUILD_SECTION}")));
void callee(void);

void recorder(void)
{{
    callee();
    callee();
}}
"""
SEND = """
void callee(void);

__attribute__((section(".init.text"))) void start(void)
{
    callee();
}

void send(void)
{
    callee();
}
"""


def compiled(folder: Path, *flags: str, **sources: str) -> bytes:
    """A relocatable object of these sources, by name."""
    objects = []
    for name, text in {LANDMARK: RECORDER, **sources}.items():
        path = folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        objects.append(str(path.with_suffix(".o")))
        subprocess.run(["cc", "-c", "-O1", "-ffreestanding", *flags, "-o", objects[-1], str(path)], check=True)
    subprocess.run(["ld", "-r", "-o", str(folder / "made.ko"), *objects], check=True)
    return (folder / "made.ko").read_bytes()


def returns(module: bytes) -> list[int]:
    """Where the calls of callee() in .text return to: each has a relocation of its last four bytes."""
    section = ELFFile(BytesIO(module)).get_section_by_name(".rela.text")
    assert isinstance(section, RelocationSection)
    return sorted(each["r_offset"] + 4 for each in section.iter_relocations())


def test_each_call_has_the_line_of_its_source(tmp_path: Path) -> None:
    module = compiled(tmp_path, "-gdwarf-5", **{"miniport/send.c": SEND})
    data, table = stamped(module)
    (tmp_path / CALL_SITES_FILE).write_bytes(msgspec.json.encode(table))
    sites = CallSites(tmp_path, table.build)
    assert [sites[offset] for offset in returns(module)] == [f"{LANDMARK}:7", f"{LANDMARK}:8", "miniport/send.c:11"]
    assert len(data) == len(module)


def test_the_number_stands_in_the_module_and_follows_its_contents(tmp_path: Path) -> None:
    module = compiled(tmp_path, "-gdwarf-5")
    data, table = stamped(module)
    section = ELFFile(BytesIO(data)).get_section_by_name(BUILD_SECTION)
    assert section is not None
    assert int.from_bytes(section.data(), "little") == table.build
    other = compiled(tmp_path, "-gdwarf-5", **{"miniport/send.c": SEND})
    assert stamped(other)[1].build != table.build
    assert stamped(module)[1] == table


@pytest.mark.parametrize(("flags", "why"), [((), "no debug information"), (("-gdwarf-4",), "DWARF 4")])
def test_a_module_without_lines_is_one_clear_line(tmp_path: Path, flags: tuple[str, ...], why: str) -> None:
    with pytest.raises(RigError, match=why):
        stamped(compiled(tmp_path, *flags))
