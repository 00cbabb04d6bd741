# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile guest, client or file sends: one way to damage what a decoder expects."""

from collections.abc import Iterator, Mapping, Sequence

from hypothesis import strategies as st

_DAMAGE = st.tuples(st.integers(0, 1 << 12), st.binary(max_size=8), st.integers(0, 8))
"""Where, what is put there, and how many bytes it replaces."""

TEXT = st.text(st.characters(exclude_categories=()))
"""With lone surrogates, which cannot be encoded, and control characters."""
JSON: st.SearchStrategy[object] = st.recursive(
    TEXT | st.integers() | st.floats() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=5,
)


def damaged(valid: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Random bytes, or one of these messages or files with up to four changes."""
    changes = st.lists(_DAMAGE, min_size=1, max_size=4)
    return st.builds(_mutated, st.sampled_from(valid), changes) | st.binary(max_size=200)


def distorted(valid: object) -> st.SearchStrategy[object]:
    """Any JSON value, or this one with one value in it replaced or taken out."""
    places = list(_places(valid))
    change = st.tuples(st.sampled_from(places), st.one_of(JSON.map(lambda value: [value]), st.just([])))
    return change.map(lambda made: _distorted(valid, *made))


def word(bits: int, *likely: int) -> st.SearchStrategy[int]:
    """A number of so many bits: often a small one, one of the largest, or one next to a `likely` one."""
    top = (1 << bits) - 1
    near = [value for each in (top >> 1, *likely) for value in range(each - 1, each + 2) if 0 <= value <= top]
    return st.integers(0, 64) | st.sampled_from([0, 1, top - 1, top]) | st.sampled_from(near) | st.integers(0, top)


def _mutated(data: bytes, damages: list[tuple[int, bytes, int]]) -> bytes:
    for place, inserted, replaced in damages:
        at = place % (len(data) + 1)
        data = data[:at] + inserted + data[at + replaced :]
    return data


def _places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The path to each value within this one, itself included."""
    yield path
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _places(each, (*path, key))


def _distorted(value: object, path: tuple[object, ...], instead: list[object]) -> object:
    """With `instead` in this place; empty takes it out."""
    if not path:
        return instead[0] if instead else None
    first, *rest = path
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    made: list[tuple[object, object]] = []
    for key, each in pairs:
        if key != first:
            made.append((key, each))
        elif rest or instead:
            made.append((key, _distorted(each, tuple(rest), instead) if rest else instead[0]))
    return [each for _, each in made] if isinstance(value, list) else dict(made)
