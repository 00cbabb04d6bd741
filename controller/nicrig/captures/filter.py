# SPDX-License-Identifier: GPL-2.0-or-later
"""Capture filters, in the language of tcpdump: compiled and run by libpcap itself, without privilege and in no kernel.

Where there is no libpcap, or it does not understand a filter, that is an error: a filter is honoured or refused.
"""

from collections.abc import Callable
from ctypes.util import find_library
from typing import Any

import cffi

from nicrig.errors import UsageError

Filter = Callable[[bytes], bool]

ETHERNET, SNAPLEN, OPTIMIZE, NETMASK_UNKNOWN = 1, 1 << 18, 1, 0xFFFFFFFF
_DECLARATIONS = """
typedef struct { long seconds, microseconds; uint32_t captured, length; } header;
typedef struct { unsigned int length; void *instructions; } program;
void *pcap_open_dead(int linktype, int snaplen);
int pcap_compile(void *pcap, program *made, const char *expression, int optimize, uint32_t netmask);
char *pcap_geterr(void *pcap);
int pcap_offline_filter(const program *made, const header *about, const uint8_t *data);
"""


def capture_filter(expression: str) -> Filter:
    """Whether a frame passes, as a function of its bytes. Raises UsageError with libpcap's own words."""
    if not expression.strip():
        return lambda frame: True
    name = find_library("pcap")
    if name is None:
        raise UsageError(f"the filter {expression!r} needs libpcap, and there is none: apt-get install libpcap0.8")
    ffi = cffi.FFI()
    ffi.cdef(_DECLARATIONS)
    library = ffi.dlopen(name)
    program = _compile(ffi, library, expression)
    header = ffi.new("header *")

    def passes(frame: bytes) -> bool:
        header.captured = header.length = len(frame)
        return bool(library.pcap_offline_filter(program, header, frame))

    return passes


def _compile(ffi: Any, library: Any, expression: str) -> Any:
    # Neither is ever freed: a process has one filter or two.
    pcap, program = library.pcap_open_dead(ETHERNET, SNAPLEN), ffi.new("program *")
    if library.pcap_compile(pcap, program, expression.encode(), OPTIMIZE, NETMASK_UNKNOWN):
        why = ffi.string(library.pcap_geterr(pcap)).decode(errors="replace")
        raise UsageError(f"the filter {expression!r} is not one: {why}; pcap-filter(7) says what it may be")
    return program
