# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames in and out: framing, peers, the hub, the egress, and your behaviour."""
