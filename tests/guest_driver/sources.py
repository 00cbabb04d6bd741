# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's C files as text, and the few things about C that the tests here need to read out of them."""

from __future__ import annotations

import re
from pathlib import Path

DRIVER = Path(__file__).resolve().parents[2] / "guest_driver"
MINIPORT = DRIVER / "miniport"
NDIS = DRIVER / "ndis"
NDIS_HEADERS = [NDIS / "include" / name for name in ("wdm.h", "ntddndis.h", "ndis.h")]

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"][^>"]+[>"])', re.MULTILINE)
DEFINE = re.compile(r"^#define[ \t]+(\w+)[ \t]+(.+)$", re.MULTILINE)
CAST = re.compile(r"\(\s*(?:NDIS_STATUS|NTSTATUS)\s*\)")
ENUM = re.compile(r"enum\s+\w+\s*\{([^}]*)\}")
CALL = re.compile(r"\b(Ndis\w+|Ke\w+|Mm\w+|Io\w+|WRITE_REGISTER_\w+|NDIS_(?!STATUS\b)\w+)\s*\(")


def sources(folder: Path = DRIVER) -> list[Path]:
    """Every C file and header below a folder."""
    return sorted([*folder.rglob("*.c"), *folder.rglob("*.h")])


def code(path: Path) -> str:
    """A file without its comments."""
    return COMMENT.sub(" ", path.read_text())


def includes(text: str) -> list[str]:
    """What a file includes, with its brackets or quotes."""
    return INCLUDE.findall(text)


def defines(text: str) -> dict[str, str]:
    """Object-like macros: name to replacement."""
    return {name: value.strip() for name, value in DEFINE.findall(COMMENT.sub(" ", text))}


def constants(text: str) -> dict[str, int]:
    """Every macro and enumerator that is a number, an alias of one, or a cast of either."""
    macros = defines(text)
    values = _enumerators(text)

    def value(name: str, seen: frozenset[str] = frozenset()) -> int | None:
        if name in values:
            return values[name]
        if name in seen or name not in macros:
            return None
        replacement = CAST.sub("", macros[name]).strip("() \t")
        try:
            return int(replacement, 0)
        except ValueError:
            return value(replacement, seen | {name})

    return values | {name: number for name in macros if (number := value(name)) is not None}


def _enumerators(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for body in ENUM.findall(COMMENT.sub(" ", text)):
        following = 0
        for item in filter(None, (part.strip() for part in body.split(","))):
            name, _, explicit = (part.strip() for part in item.partition("="))
            number = found[explicit] if explicit in found else int(explicit, 0) if explicit else following
            found[name] = number
            following = number + 1
    return found


def declared(text: str) -> set[str]:
    """Names that a header offers to be called: functions, and macros with or without arguments."""
    bare = COMMENT.sub(" ", text)
    macros = set(re.findall(r"^#define[ \t]+(\w+)", bare, re.MULTILINE))
    functions = set(re.findall(r"\b(\w+)\([^;{}()]*\)\s*(?:;|\{)", bare))
    return macros | functions


def defined_functions(text: str) -> set[str]:
    """Functions whose body is in this file."""
    return set(re.findall(r"^\w[\w \t*]*?\b(\w+)\([^;{}]*?\)\s*\{", COMMENT.sub(" ", text), re.MULTILINE))


def calls(text: str) -> set[str]:
    """Names of Windows' namespaces that the code calls."""
    return set(CALL.findall(COMMENT.sub(" ", text)))
