# SPDX-License-Identifier: GPL-2.0-or-later
"""The controller: starts card, QEMU and guest, injects frames, captures them, and judges the driver."""

__version__ = "0.1.0"
