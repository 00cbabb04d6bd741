# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of controller/nicrig/verifier/records.py: a class for each record, with the declared argument names."""

from __future__ import annotations

from collections.abc import Sequence

from nicrig.generate.ndis_headers import CHECKOUT
from nicrig.verifier.events import CARD_EVENTS, LEAVE_ARGUMENTS, PACKED, PackedPart
from nicrig.verifier.functions import FUNCTIONS, GRANT_ARGUMENTS, RecordKind

RECORDS = CHECKOUT / "controller" / "nicrig" / "verifier" / "records.py"

HEAD = '''# SPDX-License-Identifier: GPL-2.0-or-later
"""A class for each record: a function's call or handler, its return, and the events of the card.

Generated from functions.py and events.py by `make generate`: do not edit.
"""

from nicrig.verifier.events import Call, CardEvent, Enter, Event, Leave, argument
from nicrig.verifier.functions import RecordKind
'''

TAIL = '''

RECORDS: dict[tuple[str, int], type[Event]] = {
%s
}
"""The class of each function and kind."""
'''


def card_class(event: str) -> str:
    """The class of one of CARD_EVENTS: CardFrameIn for card.frame_in."""
    return "".join(part.title() for part in event.replace(".", "_").split("_"))


def is_handler(function: str) -> bool:
    """Whether the miniport exports this function, so that its records are ENTER and LEAVE."""
    return function.startswith(("Miniport", "DriverUnload"))


def records() -> str:
    """The module."""
    parts, declared = [HEAD], []
    for function in FUNCTIONS:
        base, kind = ("Enter", RecordKind.ENTER) if is_handler(function.name) else ("Call", RecordKind.CALL)
        parts.append(_class(function.name, base, function.arguments, f"{function.name}, section {function.section}."))
        declared.append((function.name, kind, function.name))
        if is_handler(function.name) or function.name in LEAVE_ARGUMENTS:
            name = f"Leave{function.name}"
            arguments = LEAVE_ARGUMENTS.get(function.name, ())
            base = "Leave" if is_handler(function.name) else "Event"
            parts.append(_class(name, base, arguments, f"{function.name} returned."))
            declared.append((function.name, RecordKind.LEAVE, name))
    parts.append(_class("GrantRecord", "Event", GRANT_ARGUMENTS, "A call gave memory to the card."))
    parts.append(_class("RevokeRecord", "Event", GRANT_ARGUMENTS, "A call took memory back from the card."))
    for event, arguments in CARD_EVENTS.items():
        parts.append(_class(card_class(event), "CardEvent", arguments, f"{event}."))
        declared.append((event, RecordKind.CALL, card_class(event)))
    rows = (f'    ("{function}", RecordKind.{kind.name}): {name},' for function, kind, name in declared)
    return "\n\n".join(parts) + TAIL % "\n".join(rows)


def _class(name: str, base: str, arguments: Sequence[str], text: str) -> str:
    lines = [f"class {name}({base}):", f'    """{text}"""', "", "    __slots__ = ()"]
    for number, argument in enumerate(arguments):
        lines.append(f"    {argument} = argument({number}){_ignored(argument, 'assignment')}")
    for argument in arguments:
        for field, part in PACKED.get(argument, {}).items():
            lines += ["", "    @property", f"    def {field}(self) -> int:{_ignored(field, 'override')}"]
            lines.append(f"        return {_part(argument, part)}")
    return "\n".join(lines) + "\n"


def _ignored(field: str, error: str) -> str:
    """A tuple has methods of these names, which no event needs."""
    return f"  # type: ignore[{error}]" if field in ("index", "count") else ""


def _part(argument: str, field: PackedPart) -> str:
    shifted = f"self.{argument} >> {field.shift}" if field.shift else f"self.{argument}"
    return shifted if field.shift + field.bits == 64 else f"{shifted} & 0x{(1 << field.bits) - 1:X}"
