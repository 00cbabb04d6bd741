# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules agree with docs/ndis51.md and with the tests that they name."""

import ast
import re
from pathlib import Path

import pytest

from nicrig.verifier.rules import RULES, Rule
from nicrig.verifier.severity import Severity

ROOT = Path(__file__).parents[3]
CONTRACT = (ROOT / "docs/ndis51.md").read_text()
OBSERVABLE = [rule for rule in RULES.values() if rule.observable]


def names_in(group: str) -> set[str]:
    tree = ast.parse((Path(__file__).parent / f"test_{group}.py").read_text())
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_every_rule_of_the_contract_is_declared_once_and_in_order() -> None:
    assert list(RULES) == re.findall(r"^\| (R\d+) \|", CONTRACT, re.MULTILINE)
    stated = re.search(r"and (\d+) machine-checkable rules", CONTRACT)
    assert stated is not None
    assert len(RULES) == int(stated[1])


def test_severities_are_the_contracts() -> None:
    rows = re.findall(r"^\| (R\d+) \|(?:.*\|)? ([FEWI])\b[^|]*\|[^|]*\|$", CONTRACT, re.MULTILINE)
    without = [rule.id for rule in RULES.values() if rule.group in ("layer", "limits")]  # sections 9.7 and 9.8
    assert len(without) == 10
    assert len(rows) == len(RULES) - len(without)
    assert {rule: RULES[rule].severity for rule, _ in rows} == {rule: Severity(letter) for rule, letter in rows}


def test_what_is_hidden_says_why() -> None:
    assert [rule.id for rule in RULES.values() if not rule.observable] == []


@pytest.mark.parametrize("rule", OBSERVABLE, ids=lambda rule: str(rule.id))
def test_each_observable_rule_names_a_test_that_breaks_it_and_has_one_that_does_not(rule: Rule) -> None:
    tests = names_in(rule.group)
    path, _, name = rule.test.partition("::")
    assert (ROOT / path).is_file()
    assert name in tests
    assert any(test.startswith(f"test_{rule.id.lower()}_silent_") for test in tests)


@pytest.mark.parametrize("rule", OBSERVABLE, ids=lambda rule: str(rule.id))
def test_the_code_of_each_observable_rule_is_found_by_its_id(rule: Rule) -> None:
    assert f'"{rule.id}"' in (ROOT / f"controller/nicrig/verifier/checks/{rule.group}.py").read_text()
