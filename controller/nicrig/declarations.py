# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads what is declared in TOML: tables [GROUP.NAME] of a file beside the module that uses them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a file, by group and name. Raises ValueError with file, line and column when it is not TOML."""
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from None


def declared(value: object, shape: type[T], where: str) -> T:
    """A table in its shape. Raises ValueError with `where` and the field that is wrong."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from None
