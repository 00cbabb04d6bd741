# SPDX-License-Identifier: GPL-2.0-or-later
"""Declares the monitor's commands: a command is a function, its signature gives arguments and answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, get_type_hints

import msgspec

SESSION = "session"
"""A parameter of this name does not come from the client: it gets the client's session."""


class QmpError(Exception):
    """The command failed; `kind` is QMP's class of the error."""

    def __init__(self, text: str, kind: str = "GenericError") -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the function that runs it. The arguments of a message are checked against `arguments`."""

    name: str
    function: Callable[..., object]
    arguments: type[msgspec.Struct]
    returns: Any
    doc: str
    for_session: bool

    @classmethod
    def of(cls, function: Callable[..., object]) -> Command:
        """`set_link(up: bool) -> None` is the command set-link with one argument; its docstring is the help text."""
        name = function.__name__.strip("_").replace("_", "-")
        hints = get_type_hints(function, include_extras=True)
        parameters = dict(inspect.signature(function).parameters)
        parameters.pop("self", None)
        for_session = parameters.pop(SESSION, None) is not None
        fields = [_field(parameter, hints[parameter.name]) for parameter in parameters.values()]
        arguments = msgspec.defstruct(f"{name}-arguments", fields, forbid_unknown_fields=True, rename="kebab")
        return cls(name, function, arguments, hints["return"], inspect.getdoc(function) or "", for_session)

    def run(self, arguments: msgspec.Struct, session: object) -> object:
        """The function's result, {} for None. Raises QmpError."""
        given = msgspec.structs.asdict(arguments)
        if self.for_session:
            given[SESSION] = session
        result = self.function(**given)
        return {} if result is None else result


def _field(parameter: inspect.Parameter, kind: Any) -> Any:
    """A field in the form that msgspec.defstruct takes."""
    default = () if parameter.default is parameter.empty else (parameter.default,)
    return (parameter.name, kind, *default)


CommandTable: TypeAlias = Mapping[str, Command]


def table(functions: Iterable[Callable[..., object]], owner: object = None) -> dict[str, Command]:
    """The commands for these functions, by name. Methods of a class run on `owner`."""
    if owner is not None:
        functions = [getattr(owner, function.__name__) for function in functions]
    commands = [Command.of(function) for function in functions]
    return {command.name: command for command in commands}
