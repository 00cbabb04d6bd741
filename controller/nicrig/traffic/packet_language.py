# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of Python that describes packets: scapy's layers, their constants, literals and operators.

An expression may come from a web page or a ticket. So nothing in it can reach a file, a process or the network, and no
operator makes a value without bound.
"""

import ast
import difflib
import inspect
import operator
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from typing import Any

import scapy.all
from scapy.packet import Packet

from nicrig.errors import UsageError

ALLOWED = (
    "allowed are scapy's layers and constants, Layer(field=value), numbers, text, bytes, lists, tuples, dicts and "
    "operators; --python allows all of Python"
)
LONGEST = 1 << 16
"""Most characters of an expression: enough for any frame as bytes."""
MOST_BITS = 1024
"""Longest integer, in bits: longer than any field of a packet."""
MOST_ELEMENTS = 1 << 20
"""Most bytes and list elements that all `+` and `*` of one expression may make together."""

_CONSTRUCTOR = frozenset(inspect.signature(Packet.__init__).parameters)
"""The constructor's own arguments, which are no fields."""
_NUMBERS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}


class ExpressionError(UsageError):
    """The expression is wrong at `column`, counted from 1 in line `line`."""

    def __init__(self, message: str, line: int, column: int) -> None:
        where = f"column {column}" if line == 1 else f"line {line}, column {column}"
        super().__init__(f"{where}: {message}")


def evaluate(expression: str) -> object:
    """The value of the expression. Raises UsageError with the column, and with what is allowed."""
    return _Evaluator(expression).value(parsed(expression).body)


def parsed(expression: str) -> ast.Expression:
    """The expression as a tree of Python's. Raises UsageError with the column."""
    if len(expression) > LONGEST:
        raise UsageError(f"the expression is longer than {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(expression, "expression", "eval")
    except SyntaxError as error:
        raise ExpressionError(error.msg, error.lineno or 1, error.offset or 1) from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise UsageError(f"this is no expression of Python: {str(error) or 'it is nested too deeply'}") from None


@cache
def names() -> dict[str, object]:
    """What an expression may name: scapy's layers, and constants for their fields."""
    return {name: value for name, value in vars(scapy.all).items() if name[0] != "_" and _may_be_named(value)}


def _may_be_named(value: object) -> bool:
    return isinstance(value, int | str | bytes) or (isinstance(value, type) and issubclass(value, Packet))


@contextmanager
def no_lookups() -> Iterator[None]:
    """In this block, text in an address field must be an address: scapy would ask this host's resolver for a name."""
    resolver: Any = socket
    resolve = resolver.getaddrinfo

    def address(host: str, *arguments: Any) -> Any:
        try:
            ip_address(host)
        except ValueError:
            raise UsageError(f"{host!r} is no IP address: write the address, or look names up with --python") from None
        return resolve(host, *arguments)

    resolver.getaddrinfo = address
    try:
        yield
    finally:
        resolver.getaddrinfo = resolve


class _Evaluator:
    """Walks the tree of one expression."""

    def __init__(self, expression: str) -> None:
        self._lines = re.split(r"\r\n|\r|\n", expression)
        self._elements = 0

    def value(self, node: ast.expr) -> Any:
        try:
            return self._value(node)
        except UsageError as error:
            if isinstance(error, ExpressionError):
                raise
            raise self._error(node, str(error)) from None
        except RecursionError:
            raise self._error(node, "the expression is nested too deeply") from None
        except Exception as error:
            raise self._error(node, described(error)) from None

    def _value(self, node: ast.expr) -> Any:
        made: Any
        match node:
            case ast.Constant(value=int() | float() | str() | bytes() | None as literal):
                made = _number(literal)
            case ast.Name(id=name):
                made = self._named(node, name)
            case ast.List(elts=elements):
                made = [self.value(each) for each in elements]
            case ast.Tuple(elts=elements):
                made = tuple(self.value(each) for each in elements)
            case ast.Dict(keys=keys, values=values) if None not in keys:
                made = {self.value(key): self.value(each) for key, each in zip(keys, values, strict=True) if key}
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
                made = _SIGNS[type(sign)](self.value(operand))
            case ast.BinOp(left=left, op=sign, right=right):
                made = self._combined(sign, self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
                made = self._layer(node, name, arguments, keywords)
            case _:
                raise UsageError(f"{_words(node)} is not allowed here: {ALLOWED}")
        return made

    def _named(self, node: ast.expr, name: str) -> Any:
        if name in names():
            return names()[name]
        if hasattr(scapy.all, name):
            raise UsageError(f"{name} is neither a layer nor a constant of scapy: {ALLOWED}")
        close = difflib.get_close_matches(name, names(), 1)
        raise UsageError(f"name {name!r} is not defined: {f'did you mean {close[0]}?' if close else ALLOWED}")

    def _layer(self, node: ast.expr, name: str, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Packet:
        layer = self._named(node, name)
        if not isinstance(layer, type):
            raise UsageError(f"{name} is a constant and cannot be called: {ALLOWED}")
        data = [self.value(each) for each in arguments]
        if len(data) > 1 or not all(isinstance(each, str | bytes) for each in data):
            raise UsageError(f"{name}() takes the bytes of a packet, or field=value")
        fields = {}
        for keyword in keywords:
            if keyword.arg is None or keyword.arg in _CONSTRUCTOR:
                raise self._error(keyword.value, f"only a field of {name} may stand before =: {ALLOWED}")
            fields[keyword.arg] = self.value(keyword.value)
        made: Packet = layer(*data, **fields)
        for field, given in fields.items():
            # scapy would try all values of the other fields, and make no packet of any.
            if given in ([], ()) and not made.get_field(field).islist:
                raise UsageError(f"the field {field} of {name} has no value in its list")
        return made

    def _combined(self, sign: ast.operator, left: Any, right: Any) -> Any:
        made: Any
        match left, sign, right:
            case (int() | float(), _, int() | float()) if type(sign) in _NUMBERS:
                if isinstance(sign, ast.Pow | ast.LShift) and abs(right) > MOST_BITS:
                    raise UsageError(f"a number may have {MOST_BITS} bits")
                made = _number(_NUMBERS[type(sign)](left, right))
            case (str() | bytes() | list() | tuple() | Packet(), ast.Mult(), int()):
                self._grow(_size(left) * right)
                made = left * right
            case (int(), ast.Mult(), str() | bytes() | list() | tuple() | Packet()):
                made = self._combined(sign, right, left)
            case (str() | bytes() | list() | tuple(), ast.Add(), str() | bytes() | list() | tuple()):
                self._grow(_size(left) + _size(right))
                made = operator.add(left, right)
            case (Packet(), ast.Div(), Packet() | str() | bytes()) | (str() | bytes(), ast.Div(), Packet()):
                made = left / right
            case _:
                raise UsageError(f"{_kind(left)} and {_kind(right)} cannot be joined so: {ALLOWED}")
        return made

    def _grow(self, elements: int) -> None:
        self._elements += max(0, elements)
        if self._elements > MOST_ELEMENTS:
            raise UsageError(f"an expression may make {MOST_ELEMENTS} bytes and list elements")

    def _error(self, node: ast.expr, message: str) -> ExpressionError:
        # Python counts bytes here, people count characters.
        before = self._lines[node.lineno - 1].encode()[: node.col_offset]
        return ExpressionError(message, node.lineno, len(before.decode(errors="replace")) + 1)


def described(error: Exception) -> str:
    """The error on one line. scapy's messages often mean nothing without the type of the error."""
    text = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()).rstrip(": ")


def _number(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise UsageError(f"a number may have {MOST_BITS} bits")
    return value


def _size(value: Any) -> int:
    """Bytes and elements, those of elements included."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, list | tuple | dict):
        return len(value) + sum(map(_size, value.values() if isinstance(value, dict) else value))
    return 1


def _kind(value: Any) -> str:
    return str(value.name) if isinstance(value, Packet) else type(value).__name__


def _words(node: ast.expr) -> str:
    """What the node is called, such as "a list comp" for ListComp."""
    name = type(node).__name__
    return {
        "Attribute": "a name after a dot",
        "Call": "a call of anything but a layer",
        "Subscript": "an index",
        "ListComp": "a comprehension",
        "SetComp": "a comprehension",
        "DictComp": "a comprehension",
        "GeneratorExp": "a comprehension",
        "JoinedStr": "an f-string",
        "Lambda": "a lambda",
        "Starred": "a star",
        "Dict": "a double star",
        "Compare": "a comparison",
    }.get(name, name)
