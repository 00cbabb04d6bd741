# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses on the wire: the guest behind the card, and the bench at the other end."""

GUEST_IP, GUEST_IP6 = "10.0.0.2", "fd00::2"
BENCH_IP, BENCH_IP6 = "10.0.0.1", "fd00::1"
BENCH_MAC = "02:00:00:00:00:01"
"""The bench does not answer ARP: the guest gets a fixed neighbour entry."""
NETWORK_BITS = 24
