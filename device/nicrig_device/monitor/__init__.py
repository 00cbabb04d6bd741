# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's monitor: QMP on a unix socket (docs/sockets.md).

It runs on the card's one thread, so it answers one message a turn, and each costs about as much as a few register
accesses.
"""
