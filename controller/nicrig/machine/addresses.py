# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is who on the wire: the guest behind the card, and the bench at the wire's other end."""

GUEST_IP = "10.0.0.2"
BENCH_IP, BENCH_IP6 = "10.0.0.1", "fd00::1"
BENCH_MAC = "02:00:00:00:00:01"
"""Nobody at the bench answers ARP: the guest is told."""
NETWORK_BITS = 24
