# SPDX-License-Identifier: GPL-2.0-or-later
"""The card as PCI sees it: registers, doorbells, interrupts, ports, and what it refuses."""
