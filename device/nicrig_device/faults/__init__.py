# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: the card misbehaves by name, at a frame that you choose (docs/faults.md).

The faults use the card; the card uses only its hooks, and has none while no fault is armed.
"""
