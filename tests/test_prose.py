# SPDX-License-Identifier: GPL-2.0-or-later
"""What people read has none of the words of tests/prose.toml, which says where to look and what to write instead."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
CONFIG = tomllib.loads((CHECKOUT / "tests" / "prose.toml").read_text())
TEXT = {"", ".md", ".py", ".c", ".h", ".sh", ".toml", ".yaml", ".yml", ".css", ".js"}
BETWEEN = r"[\s#*/]+"
"""Between two words of a phrase: blanks, or a line's end and the mark of the next line's comment."""


def findings(text: str, allowed: list[str]) -> Iterator[tuple[int, str]]:
    """Line and word of each unwanted word that is not within an allowed phrase. A test's name is read as a sentence."""
    text = re.sub(r"\bdef test_\w+", lambda found: found[0].replace("_", " "), text)
    for phrase in allowed:
        text = re.sub(re.escape(phrase), lambda found: re.sub(r"\w", "-", found[0]), text)
    for word in CONFIG["instead"]:
        pattern = rf"(?<![\w-]){BETWEEN.join(map(re.escape, word.split()))}(?![\w-])"
        for found in re.finditer(pattern, text, re.IGNORECASE):
            yield text.count("\n", 0, found.start()) + 1, word


def pages() -> list[Path]:
    found = {path for pattern in CONFIG["paths"] for path in CHECKOUT.glob(pattern)}
    left_out = {CHECKOUT / name for name in CONFIG["leave_out"]}
    return sorted(path for path in found - left_out if path.is_file() and path.suffix in TEXT)


def test_no_page_has_a_word_that_makes_people_read_twice() -> None:
    assert len(pages()) > 20
    found = [
        f"{name}:{line}: {word!r}: write {CONFIG['instead'][word]}"
        for path in pages()
        for name in [str(path.relative_to(CHECKOUT))]
        for line, word in findings(path.read_text(), CONFIG["allow"].get(name, []))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Whoever reads it", ["whoever"]),
        ("what it\n * is told", ["is told"]),
        ("reads_nobody", []),
        ("async def test_a_peer_is_told_once() -> None:", ["is told"]),
        ("the user `nobody` and nobody", ["nobody"]),
    ],
)
def test_a_word_is_found_in_prose_and_in_a_test_s_name_and_in_no_other_name(text: str, words: list[str]) -> None:
    assert [word for _, word in findings(text, ["user `nobody`"])] == words


@pytest.mark.parametrize("name", [*CONFIG["leave_out"], *CONFIG["allow"]])
def test_an_exception_names_a_file_that_has_such_a_word(name: str) -> None:
    assert [*findings((CHECKOUT / name).read_text(), [])], f"{name} needs no exception"
