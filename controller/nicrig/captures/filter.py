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
_DECLARATIONS = """
typedef struct { long seconds, microseconds; uint32_t captured, length; } header;
typedef struct { unsigned int length; void *instructions; } program;
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
    return program
