# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames onto wires: from an expression, from a capture, from another wire."""
