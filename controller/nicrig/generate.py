# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the files that are made from the declarations of functions, of NDIS and of the verdict's words.

The guest's headers: the recorder's function numbers, and which calls can be made to fail or be mutated. In docs/ndis.md
the signatures, levels and faults; in docs/coherency.md the verdict's words. For the verifier a class for each
record. Signatures come out of the NDIS headers, which are the contract and are written by hand.

`python -m nicrig.generate` writes all of it; with `--check` it writes nothing and exits 1 when a file is stale.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from nicrig.verifier.functions import (
    DECLARED,
    FUNCTIONS,
    ArgumentMutation,
    CallMutation,
    Detail,
    Irql,
    Mutable,
    Phase,
    RecordKind,
)
from nicrig.verifier.record_writer import records
from nicrig.witnesses.words import EVIDENCE

CHECKOUT = Path(__file__).resolve().parents[2]
NDIS = CHECKOUT / "guest_driver" / "ndis"
FUNCTION_IDS = NDIS / "recorder" / "function_ids.h"
CALLS = NDIS / "faults" / "calls.h"
MUTABLE = NDIS / "faults" / "mutable.h"
NDIS_HEADERS = [NDIS / "include" / name for name in ("wdm.h", "ntddndis.h", "ndis.h")]
PAGE = CHECKOUT / "docs" / "ndis.md"
COHERENCY = CHECKOUT / "docs" / "coherency.md"
RECORDS = CHECKOUT / "controller" / "nicrig" / "verifier" / "records.py"

PROTOTYPE = re.compile(r"^(\w+)\s+(\w+)(\([^;{}()]*\));", re.MULTILINE)
HANDLER_TYPE = re.compile(r"^typedef\s+(\w+)\s+\(\*(W_\w+)\)(\([^;{}()]*\));", re.MULTILINE)
HANDLER = re.compile(r"^\t(W_\w+) (\w+)Handler;", re.MULTILINE)
MACRO = re.compile(r"^#define[ \t]+(\w+)(\([^)]*\))?[ \t]+((?:[^\n\\]|\\\n)+)", re.MULTILINE)
PARAMETER = re.compile(r"(\w[\w *]*[ *])(\w+)[,)]")
WORD = re.compile(r"\w+")
# name, signature; level; faults; the rest
ROW = re.compile(r"^\| (\w+)(?:<br>[^|]*)? \| ([^|]*) \| [^|]* \|(.*)$", re.MULTILINE)
LEVELS = {Irql.PASSIVE: "PASSIVE", Irql.DISPATCH: "DISPATCH", Irql.HIGH: "any"}


def _header(guard: str, *about: str) -> list[str]:
    return [
        "/* SPDX-License-Identifier: GPL-2.0-or-later */",
        "/*",
        *(f" * {line}" for line in about),
        " * Generated from controller/nicrig/verifier/functions.py by `make generate`: do not edit.",
        " */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
    ]


def _text(guard: str, lines: list[str]) -> str:
    return "\n".join([*lines, "", f"#endif /* {guard} */", ""])


def function_ids() -> str:
    """The text of guest_driver/ndis/recorder/function_ids.h."""
    guard = "NICRIG_FUNCTION_IDS_H"
    lines = _header(guard, "What the flight recorder can record.")
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
    return _text(guard, lines)


def calls() -> str:
    """The text of guest_driver/ndis/faults/calls.h."""
    guard = "NICRIG_CALLS_H"
    lines = _header(guard, "Which calls can be made to fail (inject.c), and which can be mutated (mutable.c).")
    lines += ["/* CALL(name) */"]
    lines += _table("NDIS_FAILING_CALLS", [f"CALL({function.name})" for function in DECLARED if function.fails])
    lines += [
        "",
        "/* CALL(how many arguments, result, name, C function, call, letter per argument, type, name, ...) */",
    ]
    lines += _table("NDIS_MUTABLE_CALLS", [_mutable_call(each) for each in _mutables(handlers=False)])
    lines += ["", "/* CALL(how many arguments, result, name without Miniport, call, letters, type, name, ...) */"]
    lines += _table("NDIS_MUTABLE_HANDLERS", [_mutable_handler(each) for each in _mutables(handlers=True)])
    return _text(guard, lines)


def mutable() -> str:
    """The text of guest_driver/ndis/faults/mutable.h."""
    guard = "NICRIG_MUTABLE_H"
    lines = _header(
        guard,
        "Kbuild includes this before anything else into the files of the miniport, on Linux: what they call by these",
        "names are the trampolines of mutable.c, so that a call can be mutated.",
    )
    names = [symbol(each.name) for each in _mutables(handlers=False)]
    return _text(guard, lines + [f"#define {name} mutable_{name}" for name in names])


def _table(name: str, entries: list[str]) -> list[str]:
    """A macro that applies CALL to each entry."""
    lines = [f"#define {name}(CALL)"]
    for entry in entries:
        lines += textwrap.wrap(entry, 116, subsequent_indent="     ")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _mutables(*, handlers: bool) -> Iterator[Mutable]:
    for function in DECLARED:
        if function.mutability and function.name.startswith("Miniport") == handlers:
            yield function.mutability


def _mutable_call(mutable: Mutable) -> str:
    name = symbol(mutable.name)
    result, parameters = _declarations(PROTOTYPE)[name]
    count, rest = _mutations(mutable, parameters)
    return f"CALL({count}, {result}, {mutable.name}, {name}, {rest})"


def _mutable_handler(mutable: Mutable) -> str:
    name = mutable.name.removeprefix("Miniport")
    types = {handler: type for type, handler in HANDLER.findall(_ndis_text())}
    if name not in types:
        raise ValueError(f"functions.py: the NDIS headers have no handler {mutable.name}")
    result, parameters = _declarations(HANDLER_TYPE)[types[name]]
    count, rest = _mutations(mutable, parameters)
    return f"CALL({count}, {result}, {name}, {rest})"


def _mutations(mutable: Mutable, parameters: str) -> tuple[int, str]:
    """How many arguments a call has, and what calls.h says of them. Raises ValueError when it has no such argument."""
    arguments = [(type.strip(), name) for type, name in PARAMETER.findall(parameters)]
    names = [name for _, name in arguments]
    unknown = set(mutable.arguments) - set(names)
    if unknown:
        raise ValueError(f"functions.py: {mutable.name} has no argument {', '.join(unknown)}, only {', '.join(names)}")
    ways = " | ".join(f"NDIS_MAY_{way.name}" for way in CallMutation if way in mutable.call)
    letters = "".join(mutable.arguments.get(name, ArgumentMutation.NOTHING).value for name in names)
    declared = ", ".join(f"{type}, {name}" for type, name in arguments)
    return len(names), f'{ways}, "{letters}", {declared}'


def _ndis_text() -> str:
    return "\n".join(path.read_text() for path in NDIS_HEADERS)


def _declarations(pattern: re.Pattern[str]) -> dict[str, tuple[str, str]]:
    """What the NDIS headers declare: name to result and parameters."""
    return {
        name: (result, re.sub(r"\s+", " ", parameters)) for result, name, parameters in pattern.findall(_ndis_text())
    }


def prototypes() -> dict[str, str]:
    """The name of each C function of the NDIS headers, and its signature as docs/ndis51.md writes one."""
    return {
        name: parameters + ("" if result == "VOID" else f" -> {result}")
        for name, (result, parameters) in _declarations(PROTOTYPE).items()
    }


def macros() -> dict[str, tuple[str, str]]:
    """Every macro of the NDIS headers: its parameters in parentheses or "", and what it stands for."""
    return {name: (parameters, body) for name, parameters, body in MACRO.findall(_ndis_text())}


def symbol(name: str) -> str:
    """The C function that a miniport calls by this name, which may be a macro.

    Raises ValueError when the headers have no such name, or a macro that stands for no single function.
    """
    functions = prototypes()
    if name in functions:
        return name
    found: list[str] = [word for word in WORD.findall(macros().get(name, ("", ""))[1]) if word in functions]
    if len(found) != 1:
        raise ValueError(f"functions.py: the NDIS headers have no function {name}")
    return found[0]


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
    """docs/coherency.md with the table of the verdict's words made anew."""
    rows = [f"| {word} | {into} | {out} |" for word, (into, out) in EVIDENCE.items()]
    table = "\n".join(["| word | of a frame that comes in | of a frame that goes out |", "|---|---|---|", *rows])
    mark = "<!-- table: words -->\n"
    return re.sub(f"({mark}).*?(<!-- end -->)", lambda match: f"{match[1]}{table}\n{match[2]}", text, flags=re.DOTALL)


def stale() -> list[tuple[Path, str]]:
    """The generated files that differ from what they should hold, with that text."""
    wanted = [
        (FUNCTION_IDS, function_ids()),
        (CALLS, calls()),
        (MUTABLE, mutable()),
        (PAGE, page(PAGE.read_text())),
        (COHERENCY, coherency(COHERENCY.read_text())),
        (RECORDS, records()),
    ]
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
