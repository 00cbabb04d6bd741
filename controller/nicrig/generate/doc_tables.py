# SPDX-License-Identifier: GPL-2.0-or-later
"""The generated columns and tables of docs/ndis.md and docs/coherency.md."""

from __future__ import annotations

import re

from nicrig.generate.ndis_headers import CHECKOUT, signatures
from nicrig.verdict.guest_trouble import TROUBLE_DOC
from nicrig.verdict.legs import KINDS, LEGS, Leg
from nicrig.verifier.functions import DECLARED, Irql
from nicrig.witnesses.words import EVIDENCE

PAGE = CHECKOUT / "docs" / "ndis.md"
COHERENCY = CHECKOUT / "docs" / "coherency.md"

# name, signature; level; faults; the rest
ROW = re.compile(r"^\| (\w+)(?:<br>[^|]*)? \| ([^|]*) \| [^|]* \|(.*)$", re.MULTILINE)
LEVELS = {Irql.PASSIVE: "PASSIVE", Irql.DISPATCH: "DISPATCH", Irql.HIGH: "any"}


def page(text: str) -> str:
    """docs/ndis.md with signatures, levels and faults made anew."""
    declared = {function.name: function for function in DECLARED}

    def row(match: re.Match[str]) -> str:
        name, level, rest = match.groups()
        if name == "function":
            return match[0]
        cell = "<br>".join([name, *(f"`{signature}`" for signature in signatures(name))])
        function = declared.get(name)
        if not function:
            return f"| {cell} | {level} |  |{rest}"
        faults = [*(["fail"] if function.fails else []), *(["mutate"] if function.mutability else [])]
        return f"| {cell} | {LEVELS[function.highest]} | {' '.join(faults)} |{rest}"

    return ROW.sub(row, text)


def coherency(text: str) -> str:
    """docs/coherency.md with the tables of the verdict's words, of the guest's trouble and of the legs made anew."""
    words = [f"| {word} | {into} | {out} |" for word, (into, out) in EVIDENCE.items()]
    text = _table(
        text, "words", ["| word | of a frame that comes in | of a frame that goes out |", "|---|---|---|", *words]
    )
    trouble = [f"| `{name}` | {meaning} |" for name, meaning in TROUBLE_DOC.items()]
    text = _table(text, "trouble", ["| name | what happened |", "|---|---|", *trouble])
    head = ["| leg | kinds | the driver's parameters | what the leg does |", "|---|---|---|---|"]
    return _table(text, "legs", [*head, *map(_leg, LEGS)])


def _leg(leg: Leg) -> str:
    kinds = "all" if leg.kinds == KINDS else ", ".join(leg.kinds)
    parameters = " ".join(f"`{each}`" for each in leg.parameters)
    return f"| {leg.name} | {kinds} | {parameters} | It {leg.does}. |"


def _table(text: str, name: str, rows: list[str]) -> str:
    mark, made = f"<!-- table: {name} -->\n", "\n".join(rows)
    return re.sub(f"({mark}).*?(<!-- end -->)", lambda match: f"{match[1]}{made}\n{match[2]}", text, flags=re.DOTALL)
