# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures: what a running card moves, read from its recorder, as pcapng; and captures of others, read back."""
