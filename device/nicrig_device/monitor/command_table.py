# SPDX-License-Identifier: GPL-2.0-or-later
"""How the monitor's commands are declared: each is a function, whose signature is what it takes and gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, get_type_hints

import msgspec

SESSION = "session"
"""A parameter of this name is not the client's: it gets the session that asks."""


class CommandError(Exception):
    """What the client asked for is not done; `kind` is QMP's class of the error."""

    def __init__(self, text: str, kind: str = "GenericError") -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Command:
    """A command by the function that runs it. `arguments` is what a message's arguments are checked against."""

    name: str
    function: Callable[..., object]
    arguments: type[msgspec.Struct]
    returns: Any
    doc: str
    for_session: bool

    @classmethod
    def of(cls, function: Callable[..., object]) -> Command:
        """`set_link(up: bool) -> None` is the command set-link with one argument; its docstring is its meaning."""
        name = function.__name__.strip("_").replace("_", "-")
        hints = get_type_hints(function, include_extras=True)
        parameters = dict(inspect.signature(function).parameters)
        parameters.pop("self", None)
        for_session = parameters.pop(SESSION, None) is not None
        fields = [_field(parameter, hints[parameter.name]) for parameter in parameters.values()]
        arguments = msgspec.defstruct(f"{name}-arguments", fields, forbid_unknown_fields=True, rename="kebab")
        return cls(name, function, arguments, hints["return"], inspect.getdoc(function) or "", for_session)

    def run(self, arguments: msgspec.Struct, session: object) -> object:
        """What it returns, {} for nothing; RefusedError when the function does not do it."""
        given = msgspec.structs.asdict(arguments)
        if self.for_session:
            given[SESSION] = session
        result = self.function(**given)
        return {} if result is None else result


def _field(parameter: inspect.Parameter, kind: Any) -> Any:
    """As msgspec.defstruct takes it."""
    default = () if parameter.default is parameter.empty else (parameter.default,)
    return (parameter.name, kind, *default)


CommandTable: TypeAlias = Mapping[str, Command]


def table(functions: Iterable[Callable[..., object]], owner: object = None) -> dict[str, Command]:
    """The commands that these functions are, by name; those of a class are to be run as `owner`'s methods."""
    if owner is not None:
        functions = [getattr(owner, function.__name__) for function in functions]
    commands = [Command.of(function) for function in functions]
    return {command.name: command for command in commands}
