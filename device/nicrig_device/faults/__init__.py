# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: the card misbehaves by name, at a frame that is chosen (docs/faults.md). Knows the card; the card knows none.

While none is armed the card runs as if this package were not there.
"""
