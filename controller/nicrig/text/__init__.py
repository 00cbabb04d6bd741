# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes, numbers and packets as text for the user."""
