# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what is made from the declarations of the NDIS contract: the recorder's function numbers for the guest.

Also the signatures and levels in docs/ndis.md, out of the NDIS headers and those declarations, and the verdict's words
in docs/coherency.md.

`python -m nicrig.generate` writes all of it; with `--check` it writes nothing and exits 1 when it is stale.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from nicrig.verifier.functions import BY_NAME, FUNCTIONS, Detail, Irql, Phase, RecordKind
from nicrig.witnesses.words import EVIDENCE

CHECKOUT = Path(__file__).resolve().parents[2]
HEADER = CHECKOUT / "guest_driver" / "ndis" / "recorder" / "function_ids.h"
NDIS_HEADERS = [CHECKOUT / "guest_driver" / "ndis" / "include" / name for name in ("wdm.h", "ntddndis.h", "ndis.h")]
PAGE = CHECKOUT / "docs" / "ndis.md"
COHERENCY = CHECKOUT / "docs" / "coherency.md"

PROTOTYPE = re.compile(r"^(\w+)\s+(\w+)(\([^;{}()]*\));", re.MULTILINE)
MACRO = re.compile(r"^#define[ \t]+(\w+)(\([^)]*\))?[ \t]+((?:[^\n\\]|\\\n)+)", re.MULTILINE)
# name, signature; level; the rest
ROW = re.compile(r"^\| (\w+)(?:<br>[^|]*)? \| ([^|]*) \|(.*)$", re.MULTILINE)
LEVELS = {Irql.PASSIVE: "PASSIVE", Irql.DISPATCH: "DISPATCH", Irql.HIGH: "any"}


def header() -> str:
    """The text of guest_driver/ndis/recorder/function_ids.h."""
    lines = [
        "/* SPDX-License-Identifier: GPL-2.0-or-later */",
        "/*",
        " * What the flight recorder can record.",
        " * Generated from controller/nicrig/verifier/functions.py by `make generate`: do not edit.",
        " */",
        "#ifndef NICRIG_FUNCTION_IDS_H",
        "#define NICRIG_FUNCTION_IDS_H",
        "",
    ]
    for word, values in (("detail", Detail), ("kind", RecordKind), ("phase", Phase), ("irql", Irql)):
        lines += [f"enum ndis_{word} {{"]
        lines += [f"\tNDIS_{word.upper()}_{value.name} = {value}," for value in values]
        lines += ["};", ""]
    lines += ["/* The comment names the arguments, and the result after the arrow. */", "enum ndis_function {"]
    for function in FUNCTIONS:
        result = f"-> {function.result}" if function.result else ""
        meaning = " ".join(filter(None, (", ".join(function.arguments), result)))
        note = f" /* {meaning} */" if meaning else ""
        lines.append(f"\tNDIS_FN_{function.name} = {function.number},{note}")
    lines += ["};", "", "/* From which detail on each function is recorded. */"]
    lines += [f"#define NDIS_DETAIL_OF_{function.name} {int(function.detail)}" for function in FUNCTIONS]
    lines += ["", "#endif /* NICRIG_FUNCTION_IDS_H */", ""]
    return "\n".join(lines)


def prototypes() -> dict[str, str]:
    """What the NDIS headers declare: the name of each C function, and its signature as docs/ndis51.md writes one."""
    text = "\n".join(path.read_text() for path in NDIS_HEADERS)
    return {
        name: re.sub(r"\s+", " ", parameters) + ("" if result == "VOID" else f" -> {result}")
        for result, name, parameters in PROTOTYPE.findall(text)
    }


def macros() -> dict[str, tuple[str, str]]:
    """Every macro of the NDIS headers: its parameters in parentheses or "", and what it stands for."""
    text = "\n".join(path.read_text() for path in NDIS_HEADERS)
    return {name: (parameters, body) for name, parameters, body in MACRO.findall(text)}


def signatures(name: str) -> list[str]:
    """How a function of docs/ndis.md is called; of a macro family (NdisRawReadPort) each of its macros.

    Raises ValueError when the headers have nothing of that name.
    """
    functions, defined = prototypes(), macros()
    if name in functions:
        return [functions[name]]
    if name in defined and not defined[name][0]:
        return [functions[defined[name][1]]]
    family = [macro + parameters for macro, (parameters, _) in defined.items() if macro.startswith(name) and parameters]
    if not family:
        raise ValueError(f"{PAGE.name}: {name} is not in the NDIS headers")
    return [family[0].removeprefix(name)] if family[0].startswith(f"{name}(") else family


def page(text: str) -> str:
    """docs/ndis.md with signatures and levels made anew."""

    def row(match: re.Match[str]) -> str:
        name, level, rest = match.groups()
        if name == "function":
            return match[0]
        cell = "<br>".join([name, *(f"`{signature}`" for signature in signatures(name))])
        function = BY_NAME.get(name)
        return f"| {cell} | {LEVELS[function.highest] if function else level} |{rest}"

    return ROW.sub(row, text)


def coherency(text: str) -> str:
    """docs/coherency.md with the table of the verdict's words made anew."""
    rows = [f"| {word} | {into} | {out} |" for word, (into, out) in EVIDENCE.items()]
    table = "\n".join(["| word | of a frame that comes in | of a frame that goes out |", "|---|---|---|", *rows])
    mark = "<!-- table: words -->\n"
    return re.sub(f"({mark}).*?(<!-- end -->)", lambda match: f"{match[1]}{table}\n{match[2]}", text, flags=re.DOTALL)


def stale() -> list[tuple[Path, str]]:
    """The generated files that differ from what they should hold, with that text."""
    wanted = [(HEADER, header()), (PAGE, page(PAGE.read_text())), (COHERENCY, coherency(COHERENCY.read_text()))]
    return [(path, text) for path, text in wanted if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    """Write the stale files, or with --check name them and return 1."""
    out_of_date = stale()
    for path, text in out_of_date:
        if "--check" in arguments:
            print(f"{path.relative_to(CHECKOUT)} is stale: run `python -m nicrig.generate`", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(CHECKOUT)}")
    return 1 if out_of_date and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
