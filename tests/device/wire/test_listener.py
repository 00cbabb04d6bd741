# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import stat
from pathlib import Path

import pytest

from nicrig_device.wire.listener import SocketPathError, listen


def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    with listen(tmp_path / "s"):
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_a_dead_socket_is_replaced(tmp_path: Path) -> None:
    listen(tmp_path / "s").close()
    listen(tmp_path / "s").close()


def test_a_live_socket_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with listen(tmp_path / "s"), pytest.raises(SocketPathError, match="another card serves this folder"):
        listen(tmp_path / "s")


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(SocketPathError, match="is not a socket"):
        listen(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SocketPathError, match="at most 107 bytes"):
        listen(tmp_path / ("x" * 108))
