# SPDX-License-Identifier: GPL-2.0-or-later
"""The card: a bus-master DMA network card. Knows no scapy, no QEMU, and nothing of the controller."""
