# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's commands and events as rows for docs/sockets.md, made from its introspection."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from nicrig_device.monitor.announcements import EVENTS
from nicrig_device.monitor.command_table import table
from nicrig_device.monitor.commands import KEYS, CardCommands
from nicrig_device.monitor.fault_commands import FaultCommands
from nicrig_device.monitor.schema import schema

SHOWN_MAX = 12
"""Most members of a structure that are listed one by one."""
Row = tuple[str, ...]
COMMAND_HEAD: Row = ("command", "arguments", "returns", "what it does")
EVENT_HEAD: Row = ("event", "data", "what happened")


class Page:
    """The rows of the tables."""

    def __init__(self) -> None:
        self._commands = table((*CardCommands.functions, *FaultCommands.functions))
        self._types: Mapping[str, Any] = {entry["name"]: entry for entry in schema(self._commands, EVENTS, KEYS)}

    def commands(self) -> list[Row]:
        rows: list[Row] = []
        for name, command in sorted(self._commands.items()):
            entry = self._types[name]
            taken, given = self._members(entry["arg-type"]), self._shown(entry["ret-type"])
            rows.append((f"`{name}`", taken, given, " ".join(command.doc.split())))
        return rows

    def events(self) -> list[Row]:
        return [
            (f"`{name}`", self._members(self._types[name]["arg-type"]), " ".join((inspect.getdoc(data) or "").split()))
            for name, data in EVENTS.items()
        ]

    def _members(self, name: str) -> str:
        """A structure's members with their types, optional ones in brackets."""
        members = self._types[name]["members"]
        shown = [(f"{member['name']}: {self._shown(member['type'])}", "default" in member) for member in members]
        return ", ".join(f"[{text}]" if optional else text for text, optional in shown)

    def _shown(self, name: str) -> str:
        """A type in a few words."""
        kind = self._types[name]
        match kind["meta-type"]:
            case "array":
                return f"list of {self._shown(kind['element-type'])}"
            case "enum":
                return "/".join(kind["values"])
            case "alternate":
                return " or ".join(self._shown(member["type"]) for member in kind["members"])
            case "object":
                names = [member["name"] for member in kind["members"]]
                more = [f"{len(names) - 3} more"] if len(names) > SHOWN_MAX else []
                return f"{{{', '.join(names[:3] + more if more else names)}}}"
        return name
