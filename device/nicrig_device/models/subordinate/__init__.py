# SPDX-License-Identifier: GPL-2.0-or-later
"""The subordinate card: one DMA channel that NDIS programs."""
