# SPDX-License-Identifier: GPL-2.0-or-later
"""The borders between miniport, NDIS layer and Linux shim, and what every source must carry."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.guest_driver.sources import (
    DRIVER,
    MINIPORT,
    NDIS,
    NDIS_HEADERS,
    calls,
    code,
    declared,
    defined_functions,
    includes,
    sources,
)

LINES_MAX = 600
COLUMNS_MAX = 120
TAB = 8
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
LINUX_NAMES = re.compile(
    r"\b(?:u8|u16|u32|u64|__le\d+|spinlock_t|sk_buff|pci_dev|net_device|k[mz]alloc|printk|readl|writel)\b"
)


def relative(path: Path) -> str:
    return str(path.relative_to(DRIVER))


@pytest.mark.parametrize("path", [*sources(), DRIVER / "Kbuild", DRIVER / "windows" / "Makefile"], ids=relative)
def test_a_source_names_its_licence_in_the_first_line(path: Path) -> None:
    assert SPDX in path.read_text().splitlines()[0]


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_a_source_is_short_and_narrow(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < LINES_MAX
    assert [number for number, line in enumerate(lines, 1) if len(line.expandtabs(TAB)) > COLUMNS_MAX] == []


@pytest.mark.parametrize("path", sources(MINIPORT), ids=relative)
def test_the_miniport_includes_ndis_and_its_own_headers_only(path: Path) -> None:
    shared = {f'"{os.path.relpath(header, path.parent)}"' for header in MINIPORT.glob("*.h")}
    own = {f'"{header.name}"' for header in path.parent.glob("*.h")}
    assert set(includes(code(path))) <= shared | own | {"<ndis.h>"}


@pytest.mark.parametrize("path", sources(MINIPORT), ids=relative)
def test_the_miniport_uses_no_linux_name(path: Path) -> None:
    assert LINUX_NAMES.findall(code(path)) == []


@pytest.mark.parametrize("path", NDIS_HEADERS, ids=relative)
def test_the_ndis_headers_include_nothing_of_linux(path: Path) -> None:
    assert set(includes(code(path))) <= {'"wdm.h"', '"ntddndis.h"'}


@pytest.mark.parametrize("path", sources(NDIS), ids=relative)
def test_the_ndis_layer_does_not_use_the_card(path: Path) -> None:
    assert [name for name in includes(code(path)) if "miniport" in name or "hardware" in name] == []
    assert "NICRIG_QUEUE" not in code(path)


@pytest.mark.parametrize("path", [path for path in sources(NDIS) if path.name != "request.c"], ids=relative)
def test_no_lock_of_the_layer_runs_softirqs_when_it_is_released(path: Path) -> None:
    """Netpoll, and a driver with its own lock held, come with interrupts off. Requests never do."""
    assert re.findall(r"\b(?:spin|xa)_\w+_bh\(", code(path)) == []


@pytest.mark.parametrize("path", sources(MINIPORT), ids=relative)
def test_what_the_miniport_calls_is_declared_by_the_ndis_headers(path: Path) -> None:
    offered = set().union(*(declared(header.read_text()) for header in NDIS_HEADERS))
    assert calls(path.read_text()) - offered == set()


RESULTS = "VOID|NDIS_STATUS|PVOID|BOOLEAN|UCHAR|USHORT|ULONG|UINT|KIRQL"


def test_every_function_that_the_ndis_headers_declare_is_defined_once() -> None:
    declaration = re.compile(rf"^(?:{RESULTS})\s+(\w+)\(", re.MULTILINE)
    functions = {name for header in NDIS_HEADERS for name in declaration.findall(code(header))}
    defined = [name for path in NDIS.rglob("*.c") for name in defined_functions(path.read_text()) if name in functions]
    assert sorted(defined) == sorted(functions)


@pytest.mark.parametrize("path", sources(MINIPORT), ids=relative)
def test_a_barrier_a_kick_and_a_doorbell_say_why(path: Path) -> None:
    """The line above each of them is a comment or ends one."""
    lines = path.read_text().splitlines()
    steps = re.compile(r"^\s+(?:KeMemoryBarrier\(\)|nic_kick\(|nic_word_write\(nic, offset, value)")
    bare = [
        number
        for number, line in enumerate(lines[1:], 2)
        if steps.match(line) and not any("*/" in above for above in lines[number - 3 : number - 1])
    ]
    assert bare == []


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_a_pool_tag_is_a_number(path: Path) -> None:
    assert re.findall(r"'[^'\\\n]{2,}'", re.sub(r'"[^"\n]*"', "", code(path))) == []


FOLDERS = {
    "ndis": "ndis",
    **{part: f"ndis/{part}" for part in ("recorder", "faults", "memory", "noncoherent", "dma", "packets", "hardware")},
    "miniport": "miniport",
    "bus_master": "miniport/bus_master",
    "subordinate": "miniport/subordinate",
    "non_dma": "miniport/non_dma",
    "linux": "linux",
}


def test_kbuild_lists_every_source() -> None:
    text = (DRIVER / "Kbuild").read_text().replace("\\\n", " ")
    lists = {
        FOLDERS[name]: set(names.partition(" $")[0].split())
        for name, names in re.findall(r"^(\w+) := (.*)$", text, re.MULTILINE)
        if name in FOLDERS
    }
    found = {
        folder: {path.stem for path in (DRIVER / folder).glob("*.c")}
        for folder in {relative(path.parent) for path in sources() if path.suffix == ".c"} - {"selftest"}
    }
    assert lists == found


def test_the_self_tests_kbuild_lists_every_source() -> None:
    text = (DRIVER / "selftest" / "Kbuild").read_text().replace("\\\n", " ")
    listed = re.search(r"^selftest := (.*)$", text, re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == {path.stem for path in (DRIVER / "selftest").glob("*.c")}
