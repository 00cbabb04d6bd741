# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the NDIS headers of the guest driver: functions, handlers, macros. They are the contract, written by hand."""

from __future__ import annotations

import re

from nicrig.provision.sources import GUEST_DRIVER

CHECKOUT = GUEST_DRIVER.parent
NDIS = GUEST_DRIVER / "ndis"
NDIS_HEADERS = [NDIS / "include" / name for name in ("wdm.h", "ntddndis.h", "ndis.h")]

PROTOTYPE = re.compile(r"^(\w+)\s+(\w+)(\([^;{}()]*\));", re.MULTILINE)
HANDLER_TYPE = re.compile(r"^typedef\s+(\w+)\s+\(\*(W_\w+)\)(\([^;{}()]*\));", re.MULTILINE)
HANDLER = re.compile(r"^\t(W_\w+) (\w+)Handler;", re.MULTILINE)
MACRO = re.compile(r"^#define[ \t]+(\w+)(\([^)]*\))?[ \t]+((?:[^\n\\]|\\\n)+)", re.MULTILINE)
WORD = re.compile(r"\w+")


def _text() -> str:
    return "\n".join(path.read_text() for path in NDIS_HEADERS)


def _declared(pattern: re.Pattern[str]) -> dict[str, tuple[str, str]]:
    return {name: (result, re.sub(r"\s+", " ", parameters)) for result, name, parameters in pattern.findall(_text())}


def functions() -> dict[str, tuple[str, str]]:
    """Every C function: its name, its result, and its parameters in parentheses."""
    return _declared(PROTOTYPE)


def handlers() -> dict[str, tuple[str, str]]:
    """Every handler of a miniport (MiniportHalt): its name, its result, and its parameters in parentheses."""
    types = _declared(HANDLER_TYPE)
    return {f"Miniport{name}": types[type] for type, name in HANDLER.findall(_text())}


def prototypes() -> dict[str, str]:
    """The name of each C function, and its signature as docs/ndis51.md writes one."""
    return {
        name: parameters + ("" if result == "VOID" else f" -> {result}")
        for name, (result, parameters) in functions().items()
    }


def macros() -> dict[str, tuple[str, str]]:
    """Every macro: its parameters in parentheses or "", and what it stands for."""
    return {name: (parameters, body) for name, parameters, body in MACRO.findall(_text())}


def symbol(name: str) -> str:
    """The C function that a miniport calls by this name, which may be a macro.

    Raises ValueError when the headers have no such name, or a macro that stands for no single function.
    """
    declared = functions()
    if name in declared:
        return name
    found: list[str] = [word for word in WORD.findall(macros().get(name, ("", ""))[1]) if word in declared]
    if len(found) != 1:
        raise ValueError(f"functions.py: the NDIS headers have no function {name}")
    return found[0]


def signatures(name: str) -> list[str]:
    """How a function of docs/ndis.md is called; of a macro family (NdisRawReadPort) each of its macros.

    Raises ValueError when the headers have nothing of that name.
    """
    declared, defined = prototypes(), macros()
    if name in declared:
        return [declared[name]]
    if name in defined and not defined[name][0]:
        return [declared[defined[name][1]]]
    family = [macro + parameters for macro, (parameters, _) in defined.items() if macro.startswith(name) and parameters]
    if not family:
        raise ValueError(f"docs/ndis.md: {name} is not in the NDIS headers")
    return [family[0].removeprefix(name)] if family[0].startswith(f"{name}(") else family
