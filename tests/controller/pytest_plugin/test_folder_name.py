# SPDX-License-Identifier: GPL-2.0-or-later
"""Each test has a folder of its own for its files, whatever its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicrig.pytest_plugin.folder_name import folder_name


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/test_it.py::test_wrong_answer", "tests-test_it.py-test_wrong_answer"),
        ("test_it.py::TestAll::test_one", "test_it.py-TestAll-test_one"),
        ("test_it.py::test_kind[bus-master]", "test_it.py-test_kind-bus-master"),
    ],
)
def test_a_usual_name_stays_readable(test: str, name: str) -> None:
    assert folder_name(test) == name


def test_ids_that_differ_only_in_signs_have_folders_of_their_own() -> None:
    ids = ["a/b", "a b", "a:b", "a-b", "a--b", "-a-b", "größe", "", "]", "../..", "\0", "a\nb"]
    names = {folder_name(f"test_ids.py::test_alike[{each}]") for each in ids}
    assert len(names) == len(ids)


@pytest.mark.parametrize("letter", ["x", "é", "日"])
def test_long_names_are_cut_and_differ(tmp_path: Path, letter: str) -> None:
    names = {folder_name(f"test_ids.py::test_long[{letter * 400}{end}]") for end in "ab"}
    assert len(names) == 2
    for name in names:
        (tmp_path / name).mkdir()


@given(st.text())
def test_any_name_makes_a_folder_inside_its_parent(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    parent = tmp_path_factory.mktemp("kept")
    (parent / folder_name(text)).mkdir()
    assert len(list(parent.iterdir())) == 1
