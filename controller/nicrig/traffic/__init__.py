# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends frames to a card's wire: from a scapy expression, from a capture, or from another wire."""
