# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures: writes the frames of a running card as pcapng, and reads pcap and pcapng files."""
