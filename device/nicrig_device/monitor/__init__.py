# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's monitor: QMP on a unix socket (docs/sockets.md), one message a loop turn, each message bounded.

It shares the hot thread, so a message costs what a few register accesses cost.
"""
