# SPDX-License-Identifier: GPL-2.0-or-later
"""The two views of the non-coherent machine are a write-back cache: any program gives what a model of one gives."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import cffi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guest_driver.sources import NDIS

# What views.c includes of the kernel, as user space has it.
TYPES = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\ntypedef uint8_t u8;\ntypedef uint64_t u64;\n"
STRING = "#include <string.h>\n"
DECLARATIONS = """
struct ndis_views { uint8_t *cpu, *device, *base; size_t bytes, line; };
void ndis_views_write_back(struct ndis_views *views, size_t offset, size_t length);
void ndis_views_invalidate(struct ndis_views *views, size_t offset, size_t length);
bool ndis_views_evict(struct ndis_views *views, size_t at);
"""
FLAGS = ("-shared", "-fPIC", "-O2", "-std=gnu11", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror")

LINES = (32, 64, 128)
BYTES = 512
"""The memory of every test here: a few lines of each size."""

ffi = cffi.FFI()
ffi.cdef(DECLARATIONS)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("views")
    (folder / "linux").mkdir()
    (folder / "linux" / "types.h").write_text(TYPES)
    (folder / "linux" / "string.h").write_text(STRING)
    built = folder / "views.so"
    subprocess.run(["cc", *FLAGS, f"-I{folder}", str(NDIS / "noncoherent" / "views.c"), "-o", str(built)], check=True)
    return ffi.dlopen(str(built))


class Views:
    """The driver's own code, over memory of the test's."""

    def __init__(self, library: object, line: int, memory: bytes) -> None:
        self._library = library
        self._cpu, self._device, self._base = (ffi.new("uint8_t[]", memory) for _ in range(3))
        self._views = ffi.new("struct ndis_views *", [self._cpu, self._device, self._base, BYTES, line])

    def store(self, at: int, data: bytes) -> None:
        ffi.memmove(self._cpu + at, data, len(data))

    def load(self, at: int, length: int) -> bytes:
        return bytes(ffi.buffer(self._cpu + at, length))

    def dma_write(self, at: int, data: bytes) -> None:
        ffi.memmove(self._device + at, data, len(data))

    def dma_read(self, at: int, length: int) -> bytes:
        return bytes(ffi.buffer(self._device + at, length))

    def write_back(self, at: int, length: int) -> None:
        self._library.ndis_views_write_back(self._views, at, length)  # type: ignore[attr-defined]

    def invalidate(self, at: int, length: int) -> None:
        self._library.ndis_views_invalidate(self._views, at, length)  # type: ignore[attr-defined]

    def evict(self, at: int) -> bool:
        return bool(self._library.ndis_views_evict(self._views, at))  # type: ignore[attr-defined]


@dataclass
class Line:
    """A line that the cache holds. Stores that in sum change nothing since the fill are squashed: it is clean."""

    data: bytearray
    filled: bytes

    @property
    def dirty(self) -> bool:
        return self.data != self.filled


@dataclass
class Cache:
    """The model: a write-back, write-allocate cache before a memory. A line that leaves is prefetched again at once."""

    line: int
    memory: bytearray
    held: dict[int, Line] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for at in range(0, BYTES, self.line):
            self._fill(at)

    def _fill(self, at: int) -> Line:
        data = self.memory[at : at + self.line]
        self.held[at] = Line(bytearray(data), bytes(data))
        return self.held[at]

    def _lookup(self, at: int) -> Line:
        return self.held.get(at) or self._fill(at)

    def _clean(self, at: int) -> bool:
        line = self.held[at]
        if not line.dirty:
            return False
        self.memory[at : at + self.line] = line.data
        line.filled = bytes(line.data)
        return True

    def _lines(self, at: int, length: int) -> Iterator[int]:
        return iter(range(at - at % self.line, at + length, self.line))

    def store(self, at: int, data: bytes) -> None:
        for byte, value in enumerate(data, at):
            self._lookup(byte - byte % self.line).data[byte % self.line] = value

    def load(self, at: int, length: int) -> bytes:
        return bytes(self._lookup(byte - byte % self.line).data[byte % self.line] for byte in range(at, at + length))

    def dma_write(self, at: int, data: bytes) -> None:
        self.memory[at : at + len(data)] = data

    def dma_read(self, at: int, length: int) -> bytes:
        return bytes(self.memory[at : at + length])

    def write_back(self, at: int, length: int) -> None:
        for line in self._lines(at, length):
            self._clean(line)

    def evict(self, at: int) -> bool:
        cleaned = self._clean(at)
        del self.held[at]
        self._fill(at)
        return cleaned

    def invalidate(self, at: int, length: int) -> None:
        for line in self._lines(at, length):
            self.evict(line)


Machine = Views | Cache
Step = Callable[[Machine], object]
"""One step of a program, on either machine: what the caller sees."""

ranges = st.tuples(st.integers(0, BYTES - 1), st.integers(1, 200)).map(lambda r: (r[0], min(r[1], BYTES - r[0])))
# Few values, so that many stores change nothing, or change back what an earlier one changed.
writes = st.tuples(st.integers(0, BYTES - 1), st.lists(st.integers(0, 2), min_size=1, max_size=200).map(bytes)).map(
    lambda w: (w[0], w[1][: BYTES - w[0]])
)


def step(name: str, *arguments: object) -> Step:
    return lambda machine: getattr(machine, name)(*arguments)


steps = st.one_of(
    st.builds(lambda name, w: step(name, *w), st.sampled_from(["store", "dma_write"]), writes),
    st.builds(
        lambda name, r: step(name, *r), st.sampled_from(["load", "dma_read", "write_back", "invalidate"]), ranges
    ),
)


def shown(machine: Machine, program: list[Step], line: int, seed: int) -> list[object]:
    """What a program loads, what DMA reads, and all memory at its end, while lines are evicted as the seed says."""
    random = Random(seed)
    found: list[object] = []
    for one in program:
        found.append(one(machine))
        while random.randrange(3) == 0:
            found.append(machine.evict(random.randrange(BYTES // line) * line))
    return [*found, machine.load(0, BYTES), machine.dma_read(0, BYTES)]


@pytest.mark.parametrize("line", LINES)
@given(program=st.lists(steps, max_size=40), seed=st.integers(0, 2**32 - 1))
def test_any_program_sees_what_a_write_back_cache_shows(
    library: object, line: int, program: list[Step], seed: int
) -> None:
    memory = bytes(Random(line).choices(range(3), k=BYTES))
    views, cache = Views(library, line, memory), Cache(line, bytearray(memory))
    assert shown(views, program, line, seed) == shown(cache, program, line, seed)


@pytest.fixture(params=LINES)
def line(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


@pytest.fixture
def views(library: object, line: int) -> Views:
    return Views(library, line, bytes(BYTES))


def test_a_store_is_not_seen_by_the_card_before_it_is_written_back(views: Views) -> None:
    views.store(100, b"new")
    assert views.dma_read(100, 3) == bytes(3)
    views.write_back(100, 3)
    assert views.dma_read(100, 3) == b"new"


def test_what_the_card_writes_is_not_seen_by_the_cpu_before_it_is_invalidated(views: Views) -> None:
    views.dma_write(100, b"new")
    assert views.load(100, 3) == bytes(3)
    views.invalidate(100, 3)
    assert views.load(100, 3) == b"new"


def test_a_store_beside_the_buffer_destroys_what_the_card_wrote_to_the_line(views: Views, line: int) -> None:
    views.store(line + line - 1, b"x")
    views.dma_write(line, b"new")
    views.invalidate(line, 3)
    assert views.load(line, 3) == bytes(3)
    assert views.dma_read(line, line) == bytes(line - 1) + b"x"


def test_whole_lines_move_and_no_others(views: Views, line: int) -> None:
    views.store(0, b"\1" * BYTES)
    views.write_back(2 * line - 1, 2)
    assert views.dma_read(0, BYTES) == bytes(line) + b"\1" * 2 * line + bytes(BYTES - 3 * line)


def test_a_store_that_changes_nothing_leaves_a_line_clean(views: Views) -> None:
    views.store(100, bytes(3))
    views.dma_write(100, b"new")
    views.write_back(100, 3)
    assert views.dma_read(100, 3) == b"new"


def test_an_evicted_line_goes_out_if_it_is_dirty_and_comes_in_if_it_is_clean(views: Views, line: int) -> None:
    views.store(0, b"out")
    views.dma_write(line, b"in")
    assert views.evict(0)
    assert not views.evict(line)
    assert views.dma_read(0, 3) == b"out"
    assert views.load(line, 2) == b"in"
