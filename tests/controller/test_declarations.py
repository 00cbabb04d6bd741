# SPDX-License-Identifier: GPL-2.0-or-later
"""What a typo in a declaration is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from nicrig.declarations import tables
from nicrig.mutants.matrix import read_mutants
from nicrig.verifier.rules import read_rules

RULE = '[phase.R01]\nname = "early"\nseverity = "E"\nsource = "DDI"\ntext = "Too early."\n'
KINDS = "[every-kind]\n[bus-master]\n[subordinate]\n[non-dma]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


def test_what_is_not_toml_is_named_with_file_and_line(file: Path) -> None:
    file.write_text(RULE + "hidden = no\n")
    with pytest.raises(ValueError, match=r"^rules.toml: Invalid value \(at line 6, column 10\)$"):
        tables(file)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (RULE.replace('"E"', '"X"'), r"Invalid enum value 'X' - at `\$.severity`"),
        (RULE.replace("source", "sourse"), "Object contains unknown field `sourse`"),
        (RULE.replace('source = "DDI"\n', ""), "Object missing required field `source`"),
        (RULE.replace('"DDI"', "5"), r"Expected `str`, got `int` - at `\$.source`"),
    ],
)
def test_a_wrong_rule_is_named_with_its_field(file: Path, wrong: str, told: str) -> None:
    file.write_text(wrong)
    with pytest.raises(ValueError, match=rf"^rules.toml: \[phase.R01\]: {told}$"):
        list(read_rules(file))


def test_a_rule_is_declared_once(file: Path) -> None:
    file.write_text(RULE + RULE)
    with pytest.raises(ValueError, match="line 6"):
        list(read_rules(file))


def test_a_wrong_mutant_is_named_with_its_function(file: Path) -> None:
    file.write_text(KINDS + "[non-dma.NdisFreeMemory]\nskip = 27\n")
    with pytest.raises(ValueError, match=r"\[non-dma.NdisFreeMemory\]: Expected `str \| array`, got `int`"):
        list(read_mutants(file))


def test_a_kind_of_card_that_does_not_exist_is_named(file: Path) -> None:
    file.write_text(KINDS + '[busmaster.NdisFreeMemory]\nskip = ["R27"]\n')
    with pytest.raises(ValueError, match="no kind of card is called busmaster: every-kind, bus-master"):
        list(read_mutants(file))
