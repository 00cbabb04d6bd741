# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP's introspection (QEMU's qapi/introspect.json), made from the types of commands and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from nicrig_device.monitor.command_table import CommandTable

Info: TypeAlias = dict[str, Any]
BUILTINS: dict[type[inspect.Type], tuple[str, str]] = {
    inspect.StrType: ("str", "string"),
    inspect.BytesType: ("str", "string"),  # base64
    inspect.IntType: ("int", "int"),
    inspect.FloatType: ("number", "number"),
    inspect.BoolType: ("bool", "boolean"),
    inspect.NoneType: ("null", "null"),
}
"""Name and JSON type of a built-in type. A type that is not here is `any`."""
EMPTY = "q_empty"


def schema(
    commands: CommandTable, events: Mapping[str, type[msgspec.Struct]], keys: Mapping[str, Sequence[str]]
) -> list[Info]:
    """Commands and events first, then their types. `keys` has the keys of dictionaries, by the title of their type."""
    types = _Types(keys)
    entities = [
        {
            "name": name,
            "meta-type": "command",
            "arg-type": types.name(command.arguments),
            "ret-type": EMPTY if command.returns is type(None) else types.name(command.returns),
        }
        for name, command in sorted(commands.items())
    ]
    entities += [{"name": name, "meta-type": "event", "arg-type": types.name(data)} for name, data in events.items()]
    return entities + types.infos()


class _Types:
    """The types in use, by name."""

    def __init__(self, keys: Mapping[str, Sequence[str]]) -> None:
        self._keys = keys
        self._made: dict[str, Info] = {EMPTY: {"meta-type": "object", "members": []}}

    def infos(self) -> list[Info]:
        return [{"name": name, **info} for name, info in self._made.items()]

    def name(self, kind: Any) -> str:
        """The name of a Python type."""
        return self._name(inspect.type_info(kind))

    def _name(self, kind: inspect.Type) -> str:
        made = self._composed(kind)
        if made is not None:
            return made
        name, json_type = BUILTINS.get(type(kind), ("any", "value"))
        return self._add(name, {"meta-type": "builtin", "json-type": json_type})

    def _composed(self, kind: inspect.Type) -> str | None:
        """The name of a type that consists of other types; None for a built-in one."""
        name = None
        match kind:
            case inspect.Metadata(extra_json_schema={"title": title}) if title in self._keys:
                members = [{"name": key, "type": "int"} for key in self._keys[title]]
                name = self._add(title, {"meta-type": "object", "members": members})
            case inspect.StructType() | inspect.DataclassType():
                name = self._object(kind)
            case inspect.EnumType():
                name = self._enum(kind.cls.__name__, [str(item.value) for item in kind.cls])
            case inspect.LiteralType():
                name = self._enum("|".join(map(str, kind.values)), [str(value) for value in kind.values])
            case inspect.ListType():
                item = self._name(kind.item_type)
                name = self._add(f"[{item}]", {"meta-type": "array", "element-type": item})
            case inspect.UnionType():
                names = [self._name(item) for item in kind.types]
                name = self._add(
                    "|".join(names), {"meta-type": "alternate", "members": [{"type": item} for item in names]}
                )
        return name

    def _object(self, kind: inspect.StructType | inspect.DataclassType) -> str:
        members = []
        for field in kind.fields:
            optional = {} if field.required else {"default": None}
            members.append({"name": field.encode_name, "type": self._name(field.type), **optional})
        return self._add(kind.cls.__name__, {"meta-type": "object", "members": members})

    def _enum(self, name: str, values: list[str]) -> str:
        members = [{"name": value} for value in values]
        return self._add(name, {"meta-type": "enum", "members": members, "values": values})

    def _add(self, name: str, info: Info) -> str:
        self._made[name] = info
        return name
