# SPDX-License-Identifier: GPL-2.0-or-later
"""Capture filters in tcpdump's language. libpcap compiles and runs them in this process, so they need no privilege.

A missing libpcap or an invalid filter is an error: no filter is ever ignored.
"""

from collections.abc import Callable
from ctypes.util import find_library
from typing import Any

import cffi

from nicrig.captures.pcapng import ETHERNET, SNAPLEN
from nicrig.errors import UsageError

Filter = Callable[[bytes], bool]

OPTIMIZE, NETMASK_UNKNOWN = 1, 0xFFFFFFFF
ANCILLARY = 0xFFFFF000
"""Loads from here on ask the Linux kernel about a packet, in the place of an offset (SKF_AD_OFF of linux/filter.h)."""
_CLASS_BITS, _LOADS, _MODE_BITS, _ABSOLUTE = 0x07, (0, 1), 0xE0, 0x20
"""The parts of an instruction's code that say that it loads from a fixed offset (linux/bpf_common.h)."""
_DECLARATIONS = """
typedef struct { long seconds, microseconds; uint32_t captured, length; } header;
typedef struct { uint16_t code; uint8_t if_true, if_false; uint32_t offset; } instruction;
typedef struct { unsigned int length; instruction *instructions; } program;
void *pcap_open_dead(int linktype, int snaplen);
int pcap_compile(void *pcap, program *made, const char *expression, int optimize, uint32_t netmask);
char *pcap_geterr(void *pcap);
int pcap_offline_filter(const program *made, const header *about, const uint8_t *data);
"""


def capture_filter(expression: str) -> Filter:
    """A function that says whether a frame matches. Raises UsageError with libpcap's message."""
    # libpcap would silently stop at the first NUL.
    if "\0" in expression or not expression.isascii():
        raise UsageError(f"the filter {expression!a} holds characters outside ASCII: pcap-filter(7) has the syntax")
    if not expression.strip():
        return lambda frame: True
    name = find_library("pcap")
    if name is None:
        raise UsageError(f"the filter {expression!r} needs libpcap, which is not installed: apt-get install libpcap0.8")
    ffi = cffi.FFI()
    ffi.cdef(_DECLARATIONS)
    library = ffi.dlopen(name)
    program = _compile(ffi, library, expression)
    header = ffi.new("header *")

    def matches(frame: bytes) -> bool:
        header.captured = header.length = len(frame)
        return bool(library.pcap_offline_filter(program, header, frame))

    return matches


def _compile(ffi: Any, library: Any, expression: str) -> Any:
    # Neither is ever freed: a process has at most a few filters.
    pcap, program = library.pcap_open_dead(ETHERNET, SNAPLEN), ffi.new("program *")
    if library.pcap_compile(pcap, program, expression.encode(), OPTIMIZE, NETMASK_UNKNOWN):
        why = ffi.string(library.pcap_geterr(pcap)).decode(errors="replace")
        raise UsageError(f"the filter {expression!r} is not valid: {why}: pcap-filter(7) has the syntax")
    if any(map(_asks_the_kernel, program.instructions[0 : program.length])):
        # libpcap would let no frame pass, neither by this filter nor by its opposite (its issue 1482).
        raise UsageError(
            f"the filter {expression!r} needs more than a frame's bytes, such as its direction, which only a capture "
            "of Linux's own interfaces has: leave that out; a capture has an interface for each direction, rx0 and tx0"
        )
    return program


def _asks_the_kernel(instruction: Any) -> bool:
    code = instruction.code
    loads = code & _CLASS_BITS in _LOADS and code & _MODE_BITS == _ABSOLUTE
    return bool(loads and instruction.offset >= ANCILLARY)
