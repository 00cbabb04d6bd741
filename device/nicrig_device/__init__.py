# SPDX-License-Identifier: GPL-2.0-or-later
"""The card: a network card of one of three kinds. Knows no scapy, no QEMU, and nothing of the controller."""
