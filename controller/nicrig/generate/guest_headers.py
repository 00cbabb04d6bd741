# SPDX-License-Identifier: GPL-2.0-or-later
"""The generated headers of the guest driver: version, what is recorded, what can be made to fail or be mutated."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from nicrig import __version__
from nicrig.generate.ndis_headers import NDIS, functions, handlers, symbol
from nicrig.provision.sources import GUEST_DRIVER
from nicrig.verifier.functions import (
    DECLARED,
    FUNCTIONS,
    ArgumentMutation,
    CallMutation,
    Detail,
    Irql,
    Mutable,
    PacketPart,
    Phase,
    RecordKind,
)

FUNCTION_IDS = NDIS / "recorder" / "function_ids.h"
CALLS = NDIS / "faults" / "calls.h"
MUTABLE = NDIS / "faults" / "mutable.h"
VERSION = GUEST_DRIVER / "linux" / "version.h"

PARAMETER = re.compile(r"(\w[\w *]*[ *])(\w+)[,)]")


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


def version() -> str:
    """The text of guest_driver/linux/version.h."""
    guard = "NICRIG_VERSION_H"
    lines = [
        "/* SPDX-License-Identifier: GPL-2.0-or-later */",
        "/* Generated from controller/nicrig/__init__.py by `make generate`: do not edit. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        f'#define SHIM_VERSION    "{__version__}"',
    ]
    return _text(guard, lines)


def function_ids() -> str:
    """The text of guest_driver/ndis/recorder/function_ids.h."""
    guard = "NICRIG_FUNCTION_IDS_H"
    lines = _header(guard, "What the flight recorder can record.")
    enums = (("detail", Detail), ("kind", RecordKind), ("phase", Phase), ("irql", Irql), ("part", PacketPart))
    for word, values in enums:
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
    result, parameters = functions()[name]
    count, rest = _mutations(mutable, parameters)
    return f"CALL({count}, {result}, {mutable.name}, {name}, {rest})"


def _mutable_handler(mutable: Mutable) -> str:
    declared = handlers()
    if mutable.name not in declared:
        raise ValueError(f"functions.py: the NDIS headers have no handler {mutable.name}")
    result, parameters = declared[mutable.name]
    count, rest = _mutations(mutable, parameters)
    return f"CALL({count}, {result}, {mutable.name.removeprefix('Miniport')}, {rest})"


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
