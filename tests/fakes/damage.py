# SPDX-License-Identifier: GPL-2.0-or-later
"""Damages valid files at random, for tests of their readers."""

from collections.abc import Sequence

from hypothesis import strategies as st

_DAMAGE = st.tuples(st.integers(0, 1 << 12), st.binary(max_size=8), st.integers(0, 8))
"""Where, what is put there, and how many bytes it replaces."""


def _mutated(data: bytes, damages: list[tuple[int, bytes, int]]) -> bytes:
    for place, inserted, replaced in damages:
        at = place % (len(data) + 1)
        data = data[:at] + inserted + data[at + replaced :]
    return data


def damaged(valid: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Random bytes, or one of these files with up to four changes."""
    changes = st.lists(_DAMAGE, min_size=1, max_size=4)
    return st.builds(_mutated, st.sampled_from(valid), changes) | st.binary(max_size=200)
