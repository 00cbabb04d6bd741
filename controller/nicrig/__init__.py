# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench: starts card, QEMU and guest, injects, listens, judges."""
