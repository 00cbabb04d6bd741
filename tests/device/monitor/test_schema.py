# SPDX-License-Identifier: GPL-2.0-or-later
"""The introspection: it is complete, in QEMU's form, and the card's answers fit it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from nicrig_device.monitor.announcements import EVENTS
from tests.device.monitor.conftest import Client

Schema = dict[str, dict[str, Any]]
PYTHON: dict[str, type] = {"str": str, "int": int, "bool": bool}


def schema_of(client: Client) -> Schema:
    entries = client.returned("query-qmp-schema")
    assert len({entry["name"] for entry in entries}) == len(entries)
    return {entry["name"]: entry for entry in entries}


def fits(schema: Schema, name: str, value: Any) -> bool:
    """Whether a value is of a type."""
    kind = schema[name]
    match kind["meta-type"]:
        case "object":
            members = {member["name"]: member for member in kind["members"]}
            needed = {member["name"] for member in kind["members"] if "default" not in member}
            return (
                isinstance(value, dict)
                and needed <= set(value) <= set(members)
                and all(fits(schema, members[key]["type"], item) for key, item in value.items())
            )
        case "array":
            return isinstance(value, list) and all(fits(schema, kind["element-type"], item) for item in value)
        case "enum":
            return value in kind["values"]
        case "alternate":
            return any(fits(schema, member["type"], value) for member in kind["members"])
    if name == "null":
        return value is None
    return name == "any" or (isinstance(value, PYTHON[name]) and isinstance(value, bool) == (name == "bool"))


def named(entry: dict[str, Any]) -> set[str]:
    """The types that an entry of the schema names."""
    names = {entry[key] for key in ("arg-type", "ret-type", "element-type") if key in entry}
    return names | {member["type"] for member in entry.get("members", []) if "type" in member}


def test_every_command_and_event_is_there_and_every_type_that_is_named(ready: Client) -> None:
    schema = schema_of(ready)
    of = {kind: {name for name in schema if schema[name]["meta-type"] == kind} for kind in ("command", "event")}
    assert of == {"command": set(ready.commands.table), "event": set(EVENTS)}
    assert set().union(*(named(entry) for entry in schema.values())) <= set(schema)


@pytest.mark.parametrize(
    ("command", "members"),
    [("set-link", [("up", "bool")]), ("set-ledger", [("policy", "enforce|off|report")]), ("query-card", [])],
)
def test_arguments_have_names_and_types(ready: Client, command: str, members: list[tuple[str, str]]) -> None:
    schema = schema_of(ready)
    arguments = schema[schema[command]["arg-type"]]
    assert [(member["name"], member["type"]) for member in arguments["members"]] == members
    assert sorted(schema["enforce|off|report"]["values"]) == ["enforce", "off", "report"]


def test_every_answer_fits_what_the_schema_says_of_it(start_client: Callable[[str], Client], kind: str) -> None:
    client = start_client(kind)
    schema = schema_of(client)
    queries = [name for name in client.commands.table if name.startswith("query-")]
    assert len(queries) >= 10
    for command in queries:
        answer = client.returned(command)
        assert fits(schema, schema[command]["ret-type"], answer), command
    assert not fits(schema, schema["query-rings"]["ret-type"], [{"name": "rx"}])


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_has_the_members_that_are_sent(ready: Client, name: str) -> None:
    schema = schema_of(ready)
    members = [member["name"] for member in schema[schema[name]["arg-type"]]["members"]]
    assert members == [field.encode_name for field in msgspec.structs.fields(EVENTS[name])]
