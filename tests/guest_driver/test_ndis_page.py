# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of docs/ndis.md say what the code does: each function once, its primitives, rules, level and self-test."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from nicrig.generate.doc_tables import LEVELS, PAGE
from nicrig.generate.ndis_headers import CHECKOUT, macros, prototypes
from nicrig.verifier.functions import BY_NAME, FUNCTIONS
from tests.guest_driver.sources import DRIVER, NDIS, code

SELFTEST = DRIVER / "selftest"
BODY = re.compile(r"^\w[^\n;{}=]*?\b(\w+)\([^;{}]*?\)\n\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
WORD = re.compile(r"\b\w+\b")


@dataclass(frozen=True)
class Row:
    """A line of a table. `self_test` is FILE.FUNCTION of guest_driver/selftest."""

    name: str
    level: str
    linux: tuple[str, ...]
    rules: tuple[str, ...]
    self_test: str

    def called(self) -> set[str]:
        """What a miniport may write to call it."""
        defined = macros()
        if self.name in prototypes() or self.name in defined:
            return {self.name}
        return {macro for macro in defined if macro.startswith(self.name)}

    def symbols(self) -> set[str]:
        """The C functions behind it."""
        bodies = " ".join(macros()[name][1] for name in self.called() if name in macros())
        return {word for word in {*WORD.findall(bodies), self.name} if word in prototypes()}


def rows() -> list[Row]:
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [
        Row(
            cells[0].split("<br>")[0],
            cells[1],
            tuple(re.findall(r"`(\w+)`", cells[3])),
            tuple(cells[6].split()),
            cells[7].rstrip(),
        )
        for cells in lines
        if cells[0] not in ("function", "---")
    ]


ROWS = rows()
by_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def bodies(folder: Path) -> dict[tuple[str, str], str]:
    """Each function of a folder, by file and name, and its body."""
    paths = [*folder.rglob("*.c"), *folder.rglob("*.h")]
    return {(path.stem, name): body for path in paths for name, body in BODY.findall(code(path))}


def reachable(code_of: dict[tuple[str, str], str], file: str, function: str) -> str:
    """The body of a function, and those of all that it names: of the same file, else those that any file may call."""
    anywhere = {name: owner for owner, name in code_of if name.startswith(EVERYWHERE)}
    found: dict[tuple[str, str], str] = {}
    waiting = [(file, function)]
    while waiting:
        at = waiting.pop()
        if at in found:
            continue
        found[at] = code_of[at]
        for word in WORD.findall(code_of[at]):
            owner = at[0] if (at[0], word) in code_of else anywhere.get(word)
            if owner:
                waiting.append((owner, word))
    return "\n".join(found.values())


# What is not static, or stands in a header.
EVERYWHERE = ("ndis_", "to_ndis_", "Ndis", "Ke", "Io", "selftest_")
LAYER, CHECKS = bodies(NDIS), bodies(SELFTEST)


def test_every_function_has_one_row() -> None:
    declared = [symbol for row in ROWS for symbol in row.symbols()]
    assert sorted(declared) == sorted(prototypes())
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    recorded = {function.name for function in FUNCTIONS if function.name.startswith(("Ndis", "Ex"))}
    assert recorded - set(names) == set()


@by_row
def test_the_primitives_are_used(row: Row) -> None:
    owner = {name: file for file, name in LAYER}
    used = "\n".join(reachable(LAYER, owner[symbol], symbol) for symbol in row.symbols())
    assert [primitive for primitive in row.linux if not re.search(rf"\b{primitive}\(", used)] == []


@by_row
def test_the_rules_exist(row: Row) -> None:
    known = re.findall(r"^\| (R\d+) \|", (CHECKOUT / "docs" / "ndis51.md").read_text(), re.MULTILINE)
    assert row.rules
    assert set(row.rules) <= set(known)


@by_row
def test_the_level_is_the_verifiers(row: Row) -> None:
    function = BY_NAME.get(row.name)
    assert row.level == LEVELS[function.highest] if function else row.level in LEVELS.values()


@by_row
def test_the_self_test_calls_it_where_it_is_said_to(row: Row) -> None:
    file, function = row.self_test.split(".")
    assert row.called() & set(WORD.findall(reachable(CHECKS, file, function)))
