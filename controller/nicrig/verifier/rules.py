# SPDX-License-Identifier: GPL-2.0-or-later
"""The catalogue: every rule of docs/ndis51.md section 9, as rules.toml declares it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from nicrig.declarations import declared, tables
from nicrig.verifier.severity import Severity

FILE = Path(__file__).with_name("rules.toml")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. `group` names the file in checks/ that judges it, `test` is pytest's id of the test that breaks it.

    `hidden` says why the recorder cannot show a violation; it is "" for every rule that can be seen.
    """

    id: str
    group: str
    name: str
    text: str
    severity: Severity
    source: str
    hidden: str = ""

    @property
    def observable(self) -> bool:
        return not self.hidden

    @property
    def test(self) -> str:
        return f"tests/controller/verifier/test_{self.group}.py::test_{self.id.lower()}_{self.name}"


def read_rules(path: Path) -> Iterator[Rule]:
    """The rules of a file. Raises ValueError with the rule and the field that is wrong."""
    for group, rules in tables(path).items():
        for rule, fields in rules.items():
            read = declared({**fields, "id": rule, "group": group}, Rule, f"{path.name}: [{group}.{rule}]")
            yield msgspec.structs.replace(read, text=" ".join(read.text.split()))


RULES = {rule.id: rule for rule in read_rules(FILE)}
"""Every rule, by its id."""
