# SPDX-License-Identifier: GPL-2.0-or-later
"""Rigs under random blows, for as long as you like: `make soak`."""
