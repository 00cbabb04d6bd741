# SPDX-License-Identifier: GPL-2.0-or-later
import stat

import pytest

from nicrig.provision.cpio import Archive


def unpack(data: bytes) -> dict[str, tuple[int, bytes, tuple[int, int]]]:
    """A reader of its own: name to mode, contents and device numbers."""
    found: dict[str, tuple[int, bytes, tuple[int, int]]] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name = data[at + 110 : at + 110 + fields[11] - 1].decode()
        start = at + (110 + fields[11] + 3) // 4 * 4
        at = start + (fields[6] + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert at == len(data)
            return found
        found[name] = (fields[1], data[start : start + fields[6]], (fields[9], fields[10]))


def test_files_keep_their_bytes_whatever_their_length() -> None:
    archive = Archive()
    for size in range(9):
        archive.file(f"file{size}", bytes(range(size)))
    assert {name: entry[1] for name, entry in unpack(archive.finish()).items()} == {
        f"file{size}": bytes(range(size)) for size in range(9)
    }


def test_folders_above_a_file_come_before_it() -> None:
    archive = Archive()
    archive.file("usr/bin/tc", b"", executable=True)
    archive.file("usr/bin/ip", b"")
    entries = unpack(archive.finish())
    assert list(entries) == ["usr", "usr/bin", "usr/bin/tc", "usr/bin/ip"]
    assert stat.S_ISDIR(entries["usr/bin"][0])
    assert stat.S_IMODE(entries["usr/bin/tc"][0]) == 0o755
    assert stat.S_IMODE(entries["usr/bin/ip"][0]) == 0o644


def test_links_and_devices() -> None:
    archive = Archive()
    archive.link("sbin", "bin")
    archive.character_device("console", 5, 1)
    entries = unpack(archive.finish())
    assert stat.S_ISLNK(entries["sbin"][0])
    assert entries["sbin"][1] == b"bin"
    assert stat.S_ISCHR(entries["console"][0])
    assert entries["console"][2] == (5, 1)


def test_a_path_twice_is_a_mistake() -> None:
    archive = Archive()
    archive.file("init", b"")
    with pytest.raises(ValueError, match="init"):
        archive.link("init", "busybox")
