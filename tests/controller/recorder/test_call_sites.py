# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from nicrig.recorder import CALL_SITES_FILE
from nicrig.recorder.call_sites import UNKNOWN_BUILD, CallSites, Row, Table
from tests.strategies import damaged

BUILD = 0xF9901A3C12F0B422
TABLE = Table(
    BUILD, ["ndis/end.c", "miniport/send.c"], [Row(0x10, 0, 7), Row(0x20, 1, 50), Row(0x28, 1, 51), Row(0x40, 0, 0)]
)


def save(folder: Path, table: Table = TABLE) -> Path:
    (folder / CALL_SITES_FILE).write_bytes(msgspec.json.encode(table))
    return folder


@pytest.mark.parametrize(
    ("offset", "shown"),
    [
        (0, ""),
        (0x10, "module+0x10"),
        (0x11, "ndis/end.c:7"),
        (0x20, "ndis/end.c:7"),
        (0x21, "miniport/send.c:50"),
        (0x28, "miniport/send.c:50"),
        (0x40, "miniport/send.c:51"),
        (0x41, "module+0x41"),
        (0xFFFFF, "module+0xfffff"),
    ],
)
def test_a_site_is_the_line_of_the_byte_before_the_address_of_return(tmp_path: Path, offset: int, shown: str) -> None:
    assert CallSites(save(tmp_path), BUILD)[offset] == shown


@pytest.mark.parametrize("build", [UNKNOWN_BUILD, BUILD + 1])
def test_another_build_has_offsets(tmp_path: Path, build: int) -> None:
    sites = CallSites(save(tmp_path), build)
    assert (sites[0], sites[0x21]) == ("", "module+0x21")


def test_a_rig_without_a_table_has_offsets(tmp_path: Path) -> None:
    assert CallSites(tmp_path, BUILD)[0x21] == "module+0x21"


def test_a_table_that_names_no_file_is_none(tmp_path: Path) -> None:
    wrong = Table(BUILD, ["a.c"], [Row(0x10, 1, 7)])
    assert CallSites(save(tmp_path, wrong), BUILD)[0x11] == "module+0x11"


def test_a_pipe_in_its_place_makes_no_one_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / CALL_SITES_FILE)
    assert CallSites(tmp_path, BUILD)[0x21] == "module+0x21"


@pytest.mark.parametrize("data", [b'{"build":1,"files":["\xff"],"rows":[]}', b'{"x":' + b"[" * 100_000])
def test_a_table_that_cannot_be_decoded_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / CALL_SITES_FILE).write_bytes(data)
    assert CallSites(tmp_path, BUILD)[0x21] == "module+0x21"


@given(damaged([msgspec.json.encode(TABLE)]))
def test_any_file_is_a_table_or_none(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("sites")
    (folder / CALL_SITES_FILE).write_bytes(data)
    assert CallSites(folder, BUILD)[0x21].isprintable()
