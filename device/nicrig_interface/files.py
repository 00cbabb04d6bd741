# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that a card makes in its folder."""

from __future__ import annotations

VFIO_SOCKET, WIRE_SOCKET, MONITOR_SOCKET = "vfio-user.sock", "wire.sock", "monitor.sock"
"""QEMU plugs the card in at the first, frames go over the second, the third speaks QMP."""
RECORDER_FILE, TRACE_FILE = "recorder", "trace"
"""The guest's records and the card's own."""
SOCKET_PATH_MAX = 107
"""Most bytes of a unix socket's path on Linux, without the final zero."""
